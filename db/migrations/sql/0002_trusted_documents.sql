-- Documents that an operator has registered, to be asked for by id. They are the platform's, not an organization's:
-- every gateway may read them all, before it is known who asks; only the owner writes them.
CREATE TABLE trusted_documents (
  id text PRIMARY KEY,
  body text NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 262144),
  operations text[] NOT NULL,
  app text CHECK (length(app) BETWEEN 1 AND 200),
  app_version text CHECK (length(app_version) BETWEEN 1 AND 200),
  registered_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT trusted_documents_id_is_hash CHECK (id = encode(sha256(convert_to(body, 'UTF8')), 'hex'))
);

-- What else a document is called by the tools that made it.
CREATE TABLE trusted_document_aliases (
  alias text PRIMARY KEY CHECK (alias ~ '^[A-Za-z0-9_.~:-]{1,128}$'),
  document_id text NOT NULL REFERENCES trusted_documents ON DELETE CASCADE
);
CREATE INDEX trusted_document_aliases_by_document ON trusted_document_aliases (document_id);

ALTER TABLE trusted_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE trusted_documents FORCE ROW LEVEL SECURITY;
ALTER TABLE trusted_document_aliases ENABLE ROW LEVEL SECURITY;
ALTER TABLE trusted_document_aliases FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker ON trusted_documents TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
CREATE POLICY owner_and_worker ON trusted_document_aliases TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
CREATE POLICY gateway_reads ON trusted_documents FOR SELECT TO scoregraph_api USING (true);
CREATE POLICY gateway_reads ON trusted_document_aliases FOR SELECT TO scoregraph_api USING (true);
GRANT SELECT ON trusted_documents, trusted_document_aliases TO scoregraph_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON trusted_documents, trusted_document_aliases TO scoregraph_worker;
