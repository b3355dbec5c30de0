# One image, several commands: bot, workers, webapp, migrations (docker-compose.yml).
FROM python:3.12-slim-bookworm AS build
ENV UV_PYTHON_DOWNLOADS=never
RUN python -m venv /opt/venv && python -m pip install --no-cache-dir uv==0.13.9
COPY requirements.lock .
RUN uv pip sync --python /opt/venv/bin/python --require-hashes --only-binary :all: --compile-bytecode requirements.lock

FROM python:3.12-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MRMARKET_LOG_FORMAT=json
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mrmarket \
 && install -d -o 10001 -g 10001 /var/lib/mrmarket /var/lib/halt
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv
COPY adapters adapters
COPY angel angel
COPY bot bot
COPY conversations conversations
COPY domain domain
COPY handlers handlers
COPY listener listener
COPY migrations migrations
COPY webapp webapp
COPY workers workers
RUN python -m compileall -q . \
 && printf '#!/bin/sh\nexec python -m adapters.cli "$@"\n' >/opt/venv/bin/mrmarket && chmod 755 /opt/venv/bin/mrmarket
USER 10001:10001
CMD ["python", "-m", "webapp"]
