/* The rows of identities and of access. A part of contract_rows.h. */
static tau_statement_kind statement_kind(struct caller* c) { return 1 + chance(c, 5); }

static const char* statement_request(struct caller* c) {
  static const char* const kRequests[] = {"{\"card\":{\"name\":\"x\"}}",
                                          "{\"id\":\"m\",\"audience\":\"a\",\"payload\":\"p\"}", "{}"};
  return kRequests[chance(c, 3)];
}

ROW(tau_identity_new) {
  tau_identity* made = NULL;
  TRY(tau_identity_new(kVaultKey, chance(c, 2) ? sizeof kVaultKey : 7, str(""), &made, &err));
  tau_identity_unref(made);
}

ROW(tau_identity_ref) { (void)c, tau_identity_unref(tau_identity_ref(identity)); }
ROW(tau_identity_unref) { (void)c, tau_identity_unref(tau_identity_ref(identity)), tau_identity_unref(NULL); }

ROW(tau_identity_describe) {
  tau_buf out;
  (void)c;
  TRY(tau_identity_describe(identity, &out, &err));
  tau_buf_free(&out);
}

ROW(tau_identity_seed) {
  tau_secret* made = NULL;
  (void)c;
  TRY(tau_identity_seed(identity, &made, &err));
  tau_secret_free(made);
}

ROW(tau_identity_sign) {
  tau_buf out;
  TRY(tau_identity_sign(identity, statement_kind(c), str(statement_request(c)), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_identity_verify) {
  tau_buf out;
  TRY(tau_identity_verify(statement_kind(c), str("{\"name\":\"x\"}"), str(""), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_did_resolve) {
  tau_buf out;
  TRY(tau_did_resolve(str(chance(c, 2) ? "did:web:agent.example"
                                       : "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
                      str(""), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_access_options_init) {
  tau_access_options o;
  (void)c;
  tau_access_options_init(&o, sizeof o);
}

ROW(tau_access_open) {
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  tau_access* made = NULL;
  o.policy = str(chance(c, 2) ? "{\"schema_version\":1,\"roles\":{},\"bindings\":[]}" : "{}");
  TRY(tau_access_open(&o, &made, &err));
  tau_access_unref(made);
}

ROW(tau_access_ref) { (void)c, tau_access_unref(tau_access_ref(access_of_all)); }
ROW(tau_access_unref) { (void)c, tau_access_unref(tau_access_ref(access_of_all)), tau_access_unref(NULL); }

ROW(tau_access_check) {
  tau_buf out;
  TRY(tau_access_check(access_of_all, str(chance(c, 2) ? "alice" : "bob"), str("read"), str("a"), &out,
                       &err));
  tau_buf_free(&out);
}

ROW(tau_access_perform) {
  static const char* const kRequests[] = {
      "{\"op\":\"challenge\",\"purpose\":\"p\"}", "{\"op\":\"allow\",\"channel\":\"c\",\"actor\":\"a\"}",
      "{\"op\":\"admit\",\"channel\":\"c\",\"actor\":\"a\"}",
      "{\"op\":\"pair\",\"channel\":\"c\",\"actor\":\"b\"}", "{\"op\":1}"};
  tau_buf out;
  TRY(tau_access_perform(access_of_all, str(kRequests[chance(c, 5)]), &out, &err));
  tau_buf_free(&out);
}
