# The server as an image; docs/deployment.md says how to build and run it.
#
#   docker build --tag doodlescope:cpu .
#   docker build --tag doodlescope:cuda --build-arg TORCH=cuda .

# The version of Python that the tests run with.
ARG PYTHON=3.11.14-slim-trixie

##### The locked packages, in a virtual environment: built anew only when a version changes
FROM python:${PYTHON} AS packages
# The build of PyTorch: cpu; cuda, the registry's own, for NVIDIA's GPUs; or another that uv's
# --torch-backend knows, such as cu126.
ARG TORCH=cpu
ENV UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9 \
    && python -m venv --without-pip /srv/doodlescope/environment
WORKDIR /srv/build
COPY pyproject.toml ./
COPY requirements/dev.txt requirements/
# What the server needs, and what its traces need, each in the version that dev.txt has for it;
# without what PyTorch brings for compiling against it and for testing it.
RUN --mount=type=cache,target=/var/cache/uv \
    if [ "$TORCH" != cuda ]; then export UV_TORCH_BACKEND="$TORCH"; fi; \
    uv pip install --cache-dir /var/cache/uv --python /srv/doodlescope/environment \
        --requirement pyproject.toml --extra tracing --constraint requirements/dev.txt \
    && rm -r /srv/doodlescope/environment/lib/python*/site-packages/torch/include \
        /srv/doodlescope/environment/lib/python*/site-packages/torch/test

##### The application, with the browser's libraries: Node.js stays in this stage
FROM packages AS application
COPY hatch_build.py package.json package-lock.json .npmrc README.md LICENSE ./
COPY models models
COPY server server
COPY static static
COPY templates templates
RUN uv build --no-cache --wheel --out-dir dist . \
    && uv pip install --no-cache --no-deps --target /srv/doodlescope/application dist/*.whl
# Start once, here, so that what a first start compiles and exports is there already, and what a
# first prediction does.
COPY deploy/image/prepare.py ./
RUN DOODLESCOPE_DEVICE=cpu \
    DOODLESCOPE_FORM=onnxruntime \
    DOODLESCOPE_CACHE=/srv/doodlescope/made/forms \
    NUMBA_CACHE_DIR=/srv/doodlescope/made/numba \
    PYTHONPATH=/srv/doodlescope/application \
    /srv/doodlescope/environment/bin/python -P prepare.py \
    && chmod -R a+rX /srv/doodlescope/made

##### What runs
FROM python:${PYTHON}
LABEL org.opencontainers.image.title="doodlescope" \
      org.opencontainers.image.description="Draw a doodle, see a CNN recognise it, and look inside every layer." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-4.0"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin doodlescope \
    && mkdir /srv/own \
    && mkdir --mode=1777 /srv/cache
COPY --from=packages /srv/doodlescope/environment /srv/doodlescope/environment
COPY --from=application /srv/doodlescope/application /srv/doodlescope/application
COPY --from=application /srv/doodlescope/made /srv/doodlescope/made
COPY deploy/image/start.sh deploy/image/healthy.py /srv/doodlescope/
ENV PATH=/srv/doodlescope/environment/bin:$PATH \
    PYTHONPATH=/srv/doodlescope/application \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DOODLESCOPE_HOST=0.0.0.0 \
    DOODLESCOPE_PORT=8000 \
    DOODLESCOPE_CACHE=/srv/doodlescope/made/forms
# Networks of one's own are imported from here, where one is mounted.
WORKDIR /srv/own
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-S", "/srv/doodlescope/healthy.py"]
ENTRYPOINT ["sh", "/srv/doodlescope/start.sh"]
CMD ["serve"]
