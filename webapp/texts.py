"""The words of the pages, in English and in Chinese."""

from collections.abc import Mapping

from webapp.own_texts import OWN_EN, OWN_ZH

_EN = {
    "title": "MrMarket",
    "tagline": "Ordinary people make markets, from a chat.",
    "ready": "Everything is running.",
    "not_ready": "Something is missing.",
    "looked_at": "As of {time} UTC.",
    "look_again": "Look again",
    "parts": "What runs",
    "database": "Database",
    "redis": "Queue",
    "bot": "Chat bot",
    "workers": "Workers",
    "database_does": "holds every balance, order and message",
    "redis_does": "wakes the workers; loses nothing when it is emptied",
    "bot_does": "answers people in Mixin Messenger",
    "workers_does": "books deposits, trades, and pays out",
    "database_missing": "It does not answer. Nothing is lost; everything waits until it is back.",
    "redis_missing": "It does not answer. Work goes on, a little later than usual.",
    "bot_missing": "It was not heard of in the last seconds. Messages wait at Mixin; see its log.",
    "angel": "Angel",
    "angel_does": "clears the exchanges when no worker acts for them",
    "angel_missing": "It was not heard of in the last seconds: nobody stands behind workers. See its log.",
    "leases": "Who acts",
    "leases_does": "a worker for every exchange account, and for the wallet",
    "leases_missing": "Nobody acts for something. Another worker takes over within seconds; if that lasts, "
    "see that the workers run, and that their file of accounts names every account.",
    "reconciliation": "Books",
    "reconciliation_does": "agree with what lies at Mixin and at the exchanges",
    "reconciliation_missing": "Not all of it was seen to agree lately. /reconcile in the chat says more.",
    "waiting": "Queues",
    "waiting_does": "nobody waits for an answer, no order for the exchange's word",
    "waiting_missing": "Something has waited for more than five minutes. See the bot's and workers' logs.",
    "angel_never": "None was started: when workers die, orders stay where they are. Start `python -m angel`.",
    "never": "none",
    "well": "fine",
    "ill": "needs a look",
    "workers_missing": "They were not heard of in the last seconds. Deposits and orders wait; see their log.",
    "drill": "The Angel's drill:",
    "drill_never": "never yet. {command} rehearses what happens when everything dies.",
    "drill_took": "on {day}, with {orders} orders on the book:",
    "drill_passed": "all gone after {flat:.1f} s ({allowed:.0f} s are allowed), safe after {safe:.1f} s, "
    "at work again {back:.1f} s after the start.",
    "drill_too_slow": "all gone only after {flat:.1f} s; {allowed:.0f} s are allowed. Its log says what it "
    "waited for: a slow exchange, a long MRMARKET_ANGEL_INTERVAL_S or lease. Mend it and drill again.",
    "drill_not_flat": "orders rested when the drill gave up. Look whether the Angel runs, whether its keys "
    "trade, and what its log says.",
    "drill_not_safe": "all gone after {flat:.1f} s, but the accounts were not given back. "
    "Look at the Angel's log.",
    "drill_not_back": "all gone after {flat:.1f} s, safe after {safe:.1f} s, but the workers did not go on. "
    "Look at /halts and at their log.",
    "ok": "running",
    "missing": "not running",
    "open_chat": "Open the chat",
    "chat_sandbox": "This is the sandbox: Mixin, the exchange and all money are play, on this machine only. "
    "In the chat you are Alice, Bob or the owner.",
    "chat_real": "People find your bot in Mixin Messenger by its number.",
    "try": "Try it",
    "try_1": "Say hello, then /deposit: choose a coin and an amount, and tap the pay button.",
    "try_2": "/new starts market making: choose a pair and the preset “balanced”.",
    "try_3": "/runs and /run 1 show fills as they happen; /stop 1 ends it.",
    "try_4": "/withdraw brings everything back to your wallet.",
    "next": "From here to a real bot",
    "next_1": "Make a bot in the Mixin developer dashboard and download its keystore.",
    "next_2": "Make an API key at Binance that may trade but not withdraw, "
    "restricted to your server's address.",
    "next_3": "Copy .env.example to .env and fill it in. docs/operations.md explains each line.",
    "next_4": "Start it with docker compose up, and begin with an amount you can afford to lose.",
    "risk": "Market making can lose money: prices move against resting orders, exchanges fail, keys get "
    "stolen. Whoever runs an instance holds other people's coins and answers for them.",
    "not_found": "There is no such page.",
    "start_page": "To the start page",
}
_ZH = {
    "title": "MrMarket",
    "tagline": "普通人在聊天里就能做市。",
    "ready": "一切运行正常。",
    "not_ready": "有部分没有运行。",
    "looked_at": "截至 {time}（UTC）。",
    "look_again": "重新查看",
    "parts": "运行状态",
    "database": "数据库",
    "redis": "队列",
    "bot": "聊天机器人",
    "workers": "工作进程",
    "database_does": "保存所有余额、订单和消息",
    "redis_does": "唤醒工作进程；清空也不会丢失任何东西",
    "bot_does": "在 Mixin Messenger 中回答用户",
    "workers_does": "入账充值、交易、付款",
    "database_missing": "没有响应。数据不会丢失，一切等它恢复后继续。",
    "redis_missing": "没有响应。工作会继续，只是稍慢一些。",
    "bot_missing": "最近几秒没有它的消息。用户的消息会在 Mixin 等候；请查看它的日志。",
    "angel": "守护进程",
    "angel_does": "没有工作进程负责时，撤下交易所的挂单",
    "angel_missing": "最近几秒没有它的消息：工作进程背后没有保障。请启动它，并查看它的日志。",
    "leases": "负责情况",
    "leases_does": "每个交易所账户和钱包都有工作进程负责",
    "leases_missing": "有账户或钱包无人负责。其他工作进程会在几秒内接手；如果持续如此，请确认工作进程在运行，"
    "且账户文件列出了所有账户。",
    "reconciliation": "账目",
    "reconciliation_does": "与 Mixin 和交易所的实际资产一致",
    "reconciliation_missing": "最近未能确认全部一致。在聊天中发送 /核对 查看差异。",
    "waiting": "等待",
    "waiting_does": "没有人在等回复，也没有订单在等交易所答复",
    "waiting_missing": "有内容已等待超过五分钟。请查看机器人和工作进程的日志。",
    "angel_never": "尚未启动：工作进程全部失效时，挂单会留在交易所。请启动 `python -m angel`。",
    "never": "没有",
    "well": "正常",
    "ill": "需要查看",
    "workers_missing": "最近几秒没有它们的消息。充值和订单会等候；请查看它们的日志。",
    "drill": "守护进程演练：",
    "drill_never": "尚未进行。{command} 可演练所有进程同时失效的情形。",
    "drill_took": "{day}，挂单 {orders} 个：",
    "drill_passed": "{flat:.1f} 秒后全部撤下（允许 {allowed:.0f} 秒），{safe:.1f} 秒后确认安全，"
    "启动后 {back:.1f} 秒恢复运行。",
    "drill_too_slow": "{flat:.1f} 秒后才全部撤下，允许 {allowed:.0f} 秒。请查看守护进程的日志，"
    "找出它在等什么：交易所响应慢、MRMARKET_ANGEL_INTERVAL_S 或租约过长；改正后重新演练。",
    "drill_not_flat": "演练放弃等待时仍有挂单。请查看守护进程是否在运行、密钥是否能交易，以及它的日志。",
    "drill_not_safe": "{flat:.1f} 秒后全部撤下，但账户一直没有交还。请查看守护进程的日志。",
    "drill_not_back": "{flat:.1f} 秒后全部撤下，{safe:.1f} 秒后确认安全，但工作进程没有恢复运行。"
    "请查看 /halts 和工作进程的日志。",
    "ok": "运行中",
    "missing": "未运行",
    "open_chat": "打开聊天",
    "chat_sandbox": "这里是沙盒：Mixin、交易所和所有资金都是模拟的，只在这台机器上。"
    "在聊天里你可以扮演 Alice、Bob 或实例所有者。",
    "chat_real": "用户在 Mixin Messenger 中通过号码找到你的机器人。",
    "try": "试一试",
    "try_1": "打个招呼，然后发送 /deposit：选择币种和数量，点击付款按钮。",
    "try_2": "/new 开始做市：选择交易对和预设“平衡”。",
    "try_3": "/runs 和 /run 1 显示成交情况；/stop 1 停止。",
    "try_4": "/withdraw 把所有资金取回你的钱包。",
    "next": "从沙盒到真实的机器人",
    "next_1": "在 Mixin 开发者后台创建机器人并下载 keystore。",
    "next_2": "在币安创建 API 密钥：允许交易、禁止提现，并限制为你服务器的地址。",
    "next_3": "把 .env.example 复制为 .env 并填写，docs/operations.md 解释了每一行。",
    "next_4": "用 docker compose up 启动，先用你亏得起的金额开始。",
    "risk": "做市可能亏损：价格可能向挂单的不利方向变动，交易所可能出故障，密钥可能被盗。"
    "运行实例的人保管着他人的资金，并要为此负责。",
    "not_found": "没有这个页面。",
    "start_page": "返回首页",
}
TEXTS: Mapping[str, Mapping[str, str]] = {"en": _EN | OWN_EN, "zh": _ZH | OWN_ZH}


def choose_language(accepted: str) -> str:
    """Return the language of ours that a browser likes best (``Accept-Language``), English if none."""
    best, best_weight = "en", 0.0
    for wish in accepted[:500].split(","):
        name, _, options = wish.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        weight = _weight(options)
        if language in TEXTS and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
