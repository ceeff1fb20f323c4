/* Secrets in a program of your own: a vault with two keys, a secret for one origin, rotation. No agent
 * needed. embed_vault DIR     makes DIR/vault, opened by DIR/key or by a passphrase */
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

static tau_str str(const char* text) { return (tau_str){text, TAU_STRLEN}; }
static int failed(tau_error* error, tau_vault* vault) {
  fprintf(stderr, "%s\n", tau_error_message(error).data);
  tau_error_free(error), tau_vault_unref(vault);
  return 1;
}

int main(int argc, char** argv) {
  const char* const folder = argc > 1 ? argv[1] : ".";
  const char* const origin = "https://api.example.com";
  char path[1024], key_path[1024];
  tau_error* error = NULL;
  tau_vault* vault = NULL;
  tau_secret* secret = NULL;
  tau_buf about;
  tau_vault_options options = TAU_VAULT_OPTIONS_INIT;
  snprintf(path, sizeof path, "%s/vault", folder);
  snprintf(key_path, sizeof key_path, "%s/key", folder);
  options.path = str(path);
  options.flags = TAU_VAULT_CREATE;
  tau_vault_key file = TAU_VAULT_KEY_INIT;
  file.kind = TAU_VAULT_KEY_FILE;
  file.name = str(key_path);
  file.flags = TAU_VAULT_KEY_MAKE;
  if (tau_vault_open(&options, &file, &vault, &error) != TAU_OK) return failed(error, vault);

  /* A second way in, for the day on which the file is lost. Ask for it; do not compile it in as here. */
  tau_vault_key phrase = TAU_VAULT_KEY_INIT;
  phrase.kind = TAU_VAULT_KEY_PASSPHRASE;
  phrase.secret = "four words or so";
  phrase.secret_len = strlen("four words or so");
  if (tau_vault_add_key(vault, &phrase, &error) != TAU_OK) return failed(error, vault);

  const char value[] = "not a real key";
  if (tau_vault_put(vault, str("provider/example"), value, sizeof value - 1, str(origin), 0, &error) !=
          TAU_OK ||
      tau_vault_get(vault, str("provider/example"), str(origin), 0, &secret, &error) != TAU_OK)
    return failed(error, vault);
  printf("%zu bytes for %s\n", tau_secret_len(secret), origin);
  tau_secret_free(secret);
  if (tau_vault_get(vault, str("provider/example"), str("https://elsewhere.example"), 0, &secret, &error) ==
      TAU_OK)
    return 1;
  printf("elsewhere: %s\n", tau_error_reason(error).data);
  tau_error_free(error), error = NULL;

  file.flags = 0; /* it is there by now, and opens the vault alone after this */
  if (tau_vault_rotate_keys(vault, &file, &error) != TAU_OK) return failed(error, vault);
  if (tau_vault_describe(vault, &about, &error) != TAU_OK) return failed(error, vault);
  printf("%s\n", about.data);
  tau_buf_free(&about);
  tau_vault_unref(vault); /* or options.vault of a runtime, for "secret://provider/example" */
  return 0;
}
