-- The scopes of one actor in all channels, of a workspace with very many actors.
CREATE INDEX memory_scopes_by_actor ON memory_scopes(workspace, actor);
