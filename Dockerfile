# The program is one static file on an empty image: no shell, no package, nothing to update but itself.

# By the digest of its index over all architectures.
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /src
# A target of its own, though it is this machine's, keeps the flags away from build scripts and macros.
ENV RUSTFLAGS="-C target-feature=+crt-static"

# Dependencies alone, behind a program that does nothing: this layer lasts until a Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/peers \
    && touch src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cp src/main.rs benches/peers/main.rs \
    && cargo build --locked --release --bin pbx_exporter --target "$(rustc --print host-tuple)" \
    && cargo clean --release -p pbx_exporter --target "$(rustc --print host-tuple)"

COPY build.rs ./
COPY docs/pbx_exporter.schema.json docs/
COPY src src
ARG REVISION=""
RUN PBX_EXPORTER_REVISION="$REVISION" \
    cargo build --locked --release --bin pbx_exporter --target "$(rustc --print host-tuple)" \
    && mv "target/$(rustc --print host-tuple)/release/pbx_exporter" /pbx_exporter

FROM scratch
ARG REVISION=""
LABEL org.opencontainers.image.title="pbx_exporter" \
      org.opencontainers.image.description="Prometheus exporter that watches the OAuth2-protected management APIs of telephone systems" \
      org.opencontainers.image.source="https://github.com/pbx-exporter/pbx_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE /LICENSE
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /pbx_exporter /usr/local/bin/pbx_exporter
USER 65532:65532
EXPOSE 10177
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD ["/usr/local/bin/pbx_exporter", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/pbx_exporter"]
