/* The rows of the vault. A part of contract_rows.h. */
static tau_vault_key vault_key(void) {
  tau_vault_key key = TAU_VAULT_KEY_INIT;
  key.kind = TAU_VAULT_KEY_CALLBACK;
  key.secret = kVaultKey;
  key.secret_len = sizeof kVaultKey;
  return key;
}

static tau_str secret_name(struct caller* c) {
  static const char* const kNames[] = {"a", "b/c", "secret://b/c#d", "nothing"};
  return str(kNames[chance(c, 4)]);
}

ROW(tau_vault_options_init) {
  tau_vault_options o;
  (void)c;
  tau_vault_options_init(&o, sizeof o);
}

ROW(tau_vault_key_init) {
  tau_vault_key key;
  (void)c;
  tau_vault_key_init(&key, sizeof key);
}

ROW(tau_vault_open) {
  tau_vault_options o = TAU_VAULT_OPTIONS_INIT;
  tau_vault_key key = vault_key();
  tau_vault* made = NULL;
  char path[96];
  snprintf(path, sizeof path, "%s/vault", folder);
  o.path = str(path);
  if (chance(c, 2)) o.flags = TAU_VAULT_READ_ONLY;
  if (chance(c, 4) == 0) key.secret = folder; /* a wrong one */
  TRY(tau_vault_open(&o, &key, &made, &err));
  tau_vault_unref(made);
}

ROW(tau_vault_ref) { (void)c, tau_vault_unref(tau_vault_ref(vault)); }
ROW(tau_vault_unref) { (void)c, tau_vault_unref(tau_vault_ref(vault)), tau_vault_unref(NULL); }

ROW(tau_vault_put) {
  if (chance(c, 8) == 0) TRY(tau_vault_put(vault, secret_name(c), "bytes", 5, str("https://host"), 0, &err));
}

ROW(tau_vault_get) {
  tau_secret* made = NULL;
  TRY(tau_vault_get(vault, secret_name(c), str("https://host"), chance(c, 2), &made, &err));
  tau_secret_free(made);
}

ROW(tau_vault_rotate_secret) {
  if (chance(c, 8) == 0) TRY(tau_vault_rotate_secret(vault, secret_name(c), "more", 4, 1000, 0, &err));
}

ROW(tau_vault_revoke) {
  if (chance(c, 8) == 0) TRY(tau_vault_revoke(vault, secret_name(c), &err));
}

ROW(tau_vault_remove) {
  if (chance(c, 8) == 0) TRY(tau_vault_remove(vault, secret_name(c), &err));
}

ROW(tau_vault_set_expiry) {
  if (chance(c, 8) == 0) TRY(tau_vault_set_expiry(vault, secret_name(c), 4102444800000, &err));
}

ROW(tau_vault_describe) {
  tau_buf out;
  (void)c;
  TRY(tau_vault_describe(vault, &out, &err));
  tau_buf_free(&out);
}

ROW(tau_vault_drop_damaged) {
  if (rarely(c)) TRY(tau_vault_drop_damaged(vault, &err));
}

ROW(tau_vault_add_key) {
  tau_vault_key key = vault_key();
  key.label = str("second");
  if (chance(c, 8) == 0) TRY(tau_vault_add_key(vault, &key, &err));
}

ROW(tau_vault_remove_key) {
  if (chance(c, 8) == 0) TRY(tau_vault_remove_key(vault, str("second"), &err));
}

ROW(tau_vault_rotate_keys) {
  const tau_vault_key key = vault_key();
  if (rarely(c)) TRY(tau_vault_rotate_keys(vault, chance(c, 2) ? &key : NULL, &err));
}

ROW(tau_vault_import) {
  tau_buf out = {NULL, 0, NULL};
  if (chance(c, 8) != 0) return;
  TRY(tau_vault_import(vault, str("/dev/null"), "pass", 4, str(""), &out, &err));
  tau_buf_free(&out);
}

ROW(tau_secret_data) { (void)c, (void)tau_secret_data(secret); }
ROW(tau_secret_len) { (void)c, (void)tau_secret_len(secret); }

ROW(tau_secret_free) {
  tau_secret* made = NULL;
  (void)c;
  (void)tau_vault_get(vault, str("kept"), str(""), 0, &made, NULL);
  tau_secret_free(made);
  tau_secret_free(NULL);
}
