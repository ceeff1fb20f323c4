/* Keeps secrets out of a log: a text goes through a redactor, piece by piece. No runtime, no network.
 * Usage: embed_safety [FILE] < text, FILE with a secret of the program. */
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

static int fail(tau_error* err) {
  fprintf(stderr, "embed_safety: %s\n", tau_error_message(err).data);
  tau_error_free(err);
  return 1;
}

static void show(tau_buf* out) {
  fwrite(out->data, 1, out->len, stdout);
  tau_buf_free(out);
}

int main(int argc, char** argv) {
  tau_scanner* scanner = NULL;
  tau_redactor* redactor = NULL;
  tau_error* err = NULL;
  tau_buf out;
  char piece[256];
  FILE* file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  tau_str text = {piece, 0};
  const tau_str id = {"my-secret", TAU_STRLEN};
  size_t n;

  /* It finds the credentials of others by its rules, and yours in every usual encoding once it knows them. */
  if (tau_scanner_new(NULL, &scanner, &err) < 0) return fail(err);
  if (file != NULL) {
    text.len = fread(piece, 1, sizeof piece, file);
    fclose(file);
    if (tau_scanner_add_secret(scanner, id, text, &err) < 0) return fail(err);
  }
  if (tau_redactor_new(scanner, &redactor, &err) < 0) return fail(err);
  while ((n = fread(piece, 1, sizeof piece, stdin)) > 0) {
    text.len = n;
    if (tau_redactor_feed(redactor, text, &out, &err) < 0) return fail(err);
    show(&out);
  }
  if (tau_redactor_finish(redactor, &out, &err) < 0) return fail(err);
  show(&out);
  tau_redactor_free(redactor);
  tau_scanner_unref(scanner);
  return 0;
}
