/* The rows of the audit log. A part of contract_rows.h. */
static tau_str home_text(char path[96]) {
  snprintf(path, 96, "%s/home", folder);
  return str(path);
}

ROW(tau_audit_verify) {
  tau_buf out = {NULL, 0, NULL};
  char path[96];
  if (!rarely(c)) return;
  TRY(tau_audit_verify(home_text(path), str(""), str(""), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_audit_read) {
  tau_buf out = {NULL, 0, NULL};
  char path[96];
  (void)c;
  TRY(tau_audit_read(home_text(path), str("-3"), 3, &out, &err));
  tau_buf_free(&out);
}

ROW(tau_audit_summary) {
  tau_buf out = {NULL, 0, NULL};
  char paths[128];
  if (!rarely(c)) return;
  snprintf(paths, sizeof paths, "[\"%s/home\"]", folder);
  TRY(tau_audit_summary(str(paths), str("{\"v\":1}\n"), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_audit_append) {
  if (chance(c, 8) == 0)
    TRY(tau_audit_append(runtime, str("{\"kind\":\"host.noted\",\"action\":\"called\"}"), &err));
}

ROW(tau_audit_head) {
  tau_buf out = {NULL, 0, NULL};
  char path[96];
  if (chance(c, 8) != 0) return;
  TRY(tau_audit_head(chance(c, 2) ? runtime : NULL, home_text(path), &out, &err));
  tau_buf_free(&out);
}
