# Chatdrop as an image: `docker build -t chatdrop .`, for amd64 and arm64. README, “Deployment”, says how to run it.

# All stages start from the same Node; it is the one that package.json brings for other machines.
# What is built holds no program of its own kind of machine that the other would lack (a test looks), so it is made
# once, on the machine that builds, and copied into both images.
FROM --platform=$BUILDPLATFORM node:22.23.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --workspaces=false
COPY CHANGELOG.md LICENSE ./
COPY migrations ./migrations
COPY server ./server
COPY widget ./widget
# The bundle holds every package but sharp and the addon of SQLite's driver, which it looks for beside that one's lib/. The driver
# brings its sources, and the addon for systems that are not this one.
# A checkout may be closed to others, and the image's user is another.
RUN npm run build \
    && mkdir packages \
    && cp -R node_modules/better-sqlite3 packages \
    && rm -r packages/better-sqlite3/deps packages/better-sqlite3/src \
    && find packages/better-sqlite3/prebuilds -type f ! -name 'linux-*' -delete \
    && chmod -R u=rwX,go=rX CHANGELOG.md LICENSE dist package.json packages \
    && chmod 755 dist/server/chatdrop.js

# sharp decodes pictures, and is a program of one kind of machine: by the same lock file, for the machine that the image is for.
FROM --platform=$BUILDPLATFORM node:22.23.2-bookworm-slim AS pictures
ARG TARGETARCH
WORKDIR /pictures
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --workspaces=false --omit=dev --os=linux --libc=glibc --cpu=$(echo $TARGETARCH | sed s/amd64/x64/)
RUN mkdir packages \
    && cp -R node_modules/@img node_modules/detect-libc node_modules/semver node_modules/sharp packages \
    && rm -r packages/sharp/install packages/sharp/src \
    && chmod -R u=rwX,go=rX packages

FROM node:22.23.2-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8001 DATA_DIR=/var/lib/chatdrop
WORKDIR /app
# Nothing is installed in a running container: npm and its like would only be something to keep up to date.
RUN rm -rf /opt/yarn-* /usr/local/lib/node_modules /usr/local/bin/corepack /usr/local/bin/np[mx] /usr/local/bin/yarn* \
    && ln -s /app/dist/server/chatdrop.js /usr/local/bin/chatdrop \
    && install -d -o 1000 -g 1000 -m 700 /var/lib/chatdrop
# What changes least comes first, and is not fetched again with the next version.
COPY --from=pictures /pictures/packages ./node_modules
COPY --from=build /app/packages ./node_modules
COPY --from=build /app/CHANGELOG.md /app/LICENSE /app/package.json ./
COPY --from=build /app/dist ./dist
LABEL org.opencontainers.image.title="Chatdrop" org.opencontainers.image.licenses="MIT"
# By number, so that Kubernetes can tell that it is not root. /app is root's, and not written to.
USER 1000:1000
VOLUME /var/lib/chatdrop
EXPOSE 8001
# Can it take uploads? Docker shows the answer and restarts nothing for it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["node", "-e", "require('node:http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/readyz', timeout: 8000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]
# Without a shell between them, the signal that ends a container reaches Chatdrop. The option: right-node.js.
ENTRYPOINT ["node", "--experimental-async-context-frame", "/app/dist/server/chatdrop.js"]
CMD ["serve"]
