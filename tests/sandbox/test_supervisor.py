"""Parts that run, fall, rise again and stop; the state directory that one sandbox holds."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.__main__ import parse
from sandbox.addresses import DEFAULTS, choose_ports
from sandbox.children import CannotStart, port_is_free
from sandbox.parts import Part, python_part, wait_for_ready_line
from sandbox.runfile import AlreadyRunning, StateDirectory
from sandbox.stage import environment
from sandbox.supervisor import StopAsked, Supervisor, stop_on_signals

READY = 'print(\'{"ready": true, "urls": {"api": "here"}}\', flush=True);'


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Callable[..., Part]]:
    """Give a maker of parts that run a line of Python; all are gone afterwards."""
    made: list[Part] = []

    def make(code: str, name: str = "thing") -> Part:
        script = tmp_path / f"{name}_{len(made)}.py"
        script.write_text(code)
        run = f"import runpy; runpy.run_path({str(script)!r})"
        (tmp_path / f"starter_{name}_{len(made)}.py").write_text(run)
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        made.append(python_part(name, [f"starter_{name}_{len(made)}"], tmp_path / f"{name}.log", env))
        return made[-1]

    yield make
    for each in made:
        each.ask_to_stop()
        each.wait(lambda: True)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put back what Ctrl-C does to pytest."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def until(holds: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def test_a_world_says_where_it_answers(part: Callable[..., Part]) -> None:
    world = part(f"import time; print('hello'); {READY} time.sleep(60)")
    world.start()
    assert wait_for_ready_line(world, 10)["urls"] == {"api": "here"}


def test_a_world_that_ends_before_it_is_ready_shows_its_log(part: Callable[..., Part]) -> None:
    world = part("raise SystemExit('no such recording')")
    world.start()
    with pytest.raises(CannotStart, match=r"(?s)did not start.*no such recording"):
        wait_for_ready_line(world, 10)


def test_a_silent_world_is_not_waited_for_forever(part: Callable[..., Part]) -> None:
    world = part("import time; time.sleep(60)")
    world.start()
    with pytest.raises(CannotStart, match="was not ready within"):
        wait_for_ready_line(world, 0.1)


def test_a_part_that_is_killed_runs_again(part: Callable[..., Part]) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.start(part("import time; time.sleep(60)", "bot"))
    first = supervisor.pids()["bot"]
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.round()
        return supervisor.pids().get("bot", first) != first

    until(again)
    assert said == ["bot ended with signal SIGKILL; it is started again in 0.5 s", "bot was started again"]


def test_pauses_grow_for_a_part_that_keeps_falling(tmp_path: Path) -> None:
    def launch() -> None:
        raise CannotStart("port taken")

    falling = Part("redis", launch, tmp_path / "log", again_at=0.0)  # type: ignore[arg-type]  # it never returns
    now = time.monotonic()
    said = [falling.look(now + step * 100) for step in range(8)]
    pauses = [line.split("in ")[-1] for line in said if line]
    assert pauses == ["0.5 s", "1.0 s", "2.0 s", "4.0 s", "8.0 s", "15.0 s", "15.0 s", "15.0 s"]


def test_errors_in_logs_are_repeated_once_and_briefly(part: Callable[..., Part]) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    error = json.dumps({"event": "payout failed", "level": "error", "payout_id": "p", "exception": "Trace"})
    quiet = json.dumps({"event": "payout sent", "level": "info"})
    code = f"import time\nfor line in ({error!r}, {quiet!r}, {error!r}, 'plain'): print(line, flush=True)\n"
    supervisor.start(part(code + "time.sleep(60)", "workers"))

    def heard() -> bool:
        supervisor.round()
        return bool(said)

    until(heard)
    supervisor.round()
    assert len(said) == 1
    assert said[0].startswith("workers: payout failed payout_id=p (more in ")


def test_parts_stop_last_started_first(part: Callable[..., Part], tmp_path: Path) -> None:
    order = tmp_path / "order"
    supervisor = Supervisor(lambda what: None)
    for name in ("first", "second"):
        code = (  # blocked and waited for: a handler may be missed between its being asked for and a sleep
            "import signal\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
            f"{READY}\n"
            "signal.sigwait({signal.SIGTERM})\n"
            f"open({str(order)!r}, 'a').write('{name} ')"
        )
        one = part(code, name)
        supervisor.start(one)
        wait_for_ready_line(one, 10)
    supervisor.stop()
    assert order.read_text().split() == ["second", "first"]
    assert supervisor.pids() == {}


def test_a_part_that_will_not_stop_is_killed_when_hurried(part: Callable[..., Part]) -> None:
    deaf = part(f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY} time.sleep(60)")
    deaf.start()
    wait_for_ready_line(deaf, 10)
    deaf.ask_to_stop()
    deaf.wait(lambda: True)
    assert deaf.pid is None


def test_sigterm_asks_to_stop() -> None:
    stop_on_signals()
    with pytest.raises(StopAsked):
        signal.raise_signal(signal.SIGTERM)


def test_one_sandbox_holds_a_state_directory(tmp_path: Path) -> None:
    first, second = StateDirectory(tmp_path), StateDirectory(tmp_path)
    first.take()
    with pytest.raises(AlreadyRunning) as starting:
        second.take()
    assert starting.value.facts is None
    first.tell({"urls": {"chat": "here"}})
    assert first.run_file.stat().st_mode & 0o777 == 0o600
    first.lend({"MRMARKET_WEB_PORT": "1", "MRMARKET_HEALTH_PORT": "2", "MRMARKET_ENV_FILE": "", "HOME": "/"})
    assert first.settings_file.read_text() == "MRMARKET_WEB_PORT='1'\n"
    assert first.settings_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyRunning) as running:
        second.take()
    assert running.value.facts == {"urls": {"chat": "here"}}
    second.leave()
    assert first.run_file.exists()
    first.leave()
    assert not first.run_file.exists()
    second.take()
    second.leave()


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        ({"form": "0"}, "has form 0"),
        ({"postgres": None}, "has no form"),
        ({"form": "1", "postgres": None}, "its people are gone"),
    ],
)
def test_state_of_another_release_is_told_with_advice(
    tmp_path: Path, files: dict[str, str | None], advice: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).mkdir() if text is None else (tmp_path / name).write_text(text)
    directory = StateDirectory(tmp_path)
    with pytest.raises(CannotStart, match=f"(?s){advice}.*directory away"):
        directory.take()
    directory.leave()


def test_state_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="Use --state DIR"):
        StateDirectory(tmp_path / "file" / "below").take()


def test_each_market_has_a_state_directory_of_its_own(tmp_path: Path) -> None:
    StateDirectory(tmp_path).keep_market("live")
    StateDirectory(tmp_path).keep_market("live")
    with pytest.raises(CannotStart, match="--state DIR"):
        StateDirectory(tmp_path).keep_market("replay x lockstep")


def test_a_port_that_was_asked_for_and_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CannotStart, match="Choose another one with --port"):
            choose_ports(taken.getsockname()[1])


def test_usual_ports_are_kept_where_they_are_free() -> None:
    ports = choose_ports()
    assert len(set(ports.values())) == len(DEFAULTS)
    for name, port in ports.items():
        assert port == DEFAULTS[name] or not port_is_free(DEFAULTS[name])


def test_port_zero_keeps_clear_of_the_usual_ports() -> None:
    ports = choose_ports(0)
    assert len(set(ports.values())) == len(DEFAULTS)
    assert not set(ports.values()) & set(DEFAULTS.values())


def test_settings_of_a_real_instance_do_not_leak_into_play() -> None:
    env = environment({"MRMARKET_MIXIN_SPEND_KEY_FILE": "real", "PATH": "p"})
    assert "MRMARKET_MIXIN_SPEND_KEY_FILE" not in env
    assert env["MRMARKET_ENV_FILE"] == ""
    assert env["PATH"] == "p"


def test_children_use_the_same_python(part: Callable[..., Part]) -> None:
    one = part(f"import sys; print(sys.executable); {READY}", "which")
    one.start()
    until(lambda: one.pid is None)
    assert one.log.read_text().splitlines()[0] == sys.executable


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("--speed", "10x"), "needs a recording"),
        (("--replay", "FILE", "--speed", "full"), "needs --pace lockstep"),
        (("--replay", "FILE", "--speed", "0"), "say 1, 10x or full"),
        (("--replay", "FILE", "--pace", "lockstep", "--venues", "both"), "one clock"),
    ],
)
def test_what_makes_no_sense_together_is_said(
    words: tuple[str, ...], advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.txt").write_text("")
    with pytest.raises(SystemExit):
        parse([str(tmp_path / "r.txt") if word == "FILE" else word for word in words])
    assert advice in capsys.readouterr().err


def test_each_set_of_exchanges_keeps_its_own_state() -> None:
    markets = [parse(["--venues", venues]).market for venues in ("binance", "gate", "both")]
    assert markets == ["live", "live gate", "live both"]


def test_a_part_that_shall_be_down_is_killed_and_started_again_afterwards(
    part: Callable[..., Part], tmp_path: Path
) -> None:
    """What ``mrmarket drill angel`` asks for; a drill that was cut off holds nobody down in the next life."""
    directory, said = StateDirectory(tmp_path), list[str]()
    victim = part("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", "bot")
    spared = part("import time; time.sleep(60)", "angel")
    supervisor = Supervisor(said.append, down=directory.kept_down)
    supervisor.start(victim, spared)
    first, other = victim.pid, spared.pid
    (tmp_path / "drill").write_text("bot redis\n")
    for _ in range(3):
        supervisor.round()
    assert (victim.pid, spared.pid) == (None, other)
    assert said == ["bot was killed, and is kept down"]
    (tmp_path / "drill").unlink()

    def started_again() -> int | None:
        supervisor.round()
        return victim.pid

    until(started_again)
    assert victim.pid != first
    (tmp_path / "drill").write_text("bot\n")
    directory.take()
    assert directory.kept_down() == ()
    directory.leave()
