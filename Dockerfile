# One image for the gateway and the workers; docker-compose.yml says which command each runs.
FROM node:22-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --omit=dev
COPY web/ ./
RUN npm run build

FROM python:3.13-slim
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
COPY --from=web /web/dist web/dist
# A volume for the files of exports takes the owner of the folder that it covers.
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . && useradd --system scoregraph \
  && install --directory --owner scoregraph /var/lib/scoregraph/reports
USER scoregraph
ENV HOST=0.0.0.0 PORT=8005 REPORTS_STORAGE_PATH=/var/lib/scoregraph/reports
EXPOSE 8005
CMD ["scoregraph", "serve"]
