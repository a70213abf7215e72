# Two stages: the first builds, the second holds what runs. No shell entry, not root, root file system may be read-only.
FROM node:24-bookworm-slim AS build
WORKDIR /zonegate
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src src
COPY workers workers
COPY test test
COPY bench bench
COPY conf conf
RUN npm run build && npm prune --omit=dev && rm -rf dist/test dist/bench

FROM node:24-bookworm-slim
# Ports below 1024 without root: the capability sits on the one program that this image runs.
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin \
 && setcap cap_net_bind_service=+ep /usr/local/bin/node \
 && apt-get purge -y --auto-remove libcap2-bin && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/zonegate --create-home zonegate
WORKDIR /zonegate
COPY --from=build /zonegate/package.json ./
COPY --from=build /zonegate/node_modules node_modules
COPY --from=build /zonegate/dist dist
COPY --from=build /zonegate/src/admin/dashboard src/admin/dashboard
COPY --from=build /zonegate/conf conf
USER zonegate
# The store.
VOLUME /var/lib/zonegate
EXPOSE 53/tcp 53/udp 853/tcp
# SIGTERM drains running transfers: give it time (docker stop --time, terminationGracePeriodSeconds).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "dist/src/cli/main.js", "status", "-c", "/etc/zonegate/zonegate.yaml", "--json"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/cli/main.js"]
CMD ["serve", "-c", "/etc/zonegate/zonegate.yaml"]
