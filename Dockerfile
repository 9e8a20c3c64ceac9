# The program alone, for a user without rights. Roles are mounted, and the state folder is a volume:
#
#   docker build -t initrunner .
#   docker run -v "$PWD/roles:/roles:ro" -v initrunner:/state -p 127.0.0.1:8200:8200 initrunner
FROM rust:1.95.0-slim-trixie AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN rustup target add wasm32-wasip2 && cargo build --release --locked && install -D target/release/initrunner /out/initrunner

FROM debian:trixie-slim
# Certificates of the models' and chat services' servers. A shell, for roles that grant one, is there.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home initrunner && install -d -m 0700 -o initrunner -g initrunner /state
COPY --from=build /out/initrunner /usr/local/bin/initrunner
USER initrunner
WORKDIR /roles
ENV INITRUNNER_HOME=/state
VOLUME /state
EXPOSE 8200
# SIGTERM lets calls under way end.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8200 && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["initrunner"]
# Whoever publishes the port decides who reaches it; webhooks are signed.
CMD ["daemon", "/roles", "--host", "0.0.0.0", "--port", "8200", "--health"]
