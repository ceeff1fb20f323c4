/* The rows of memories. Included by contract_rows.h. */

/* Two numbers a text, or none: what was not written says so. */
static void on_embed(void* userdata, const tau_str* texts, size_t count, tau_embed_purpose purpose,
                     float* out) {
  size_t i;
  (void)userdata, (void)purpose;
  for (i = 0; i < count; ++i) {
    out[2 * i] = (float)(texts[i].len % 7);
    out[2 * i + 1] = 1;
  }
}

ROW(tau_memory_open) {
  static const char* const kScopes[] = {"", "{\"channel\":\"a\"}", "{\"channel\":\"b\",\"actor\":\"c\"}"};
  tau_memory* mine = NULL;
  TRY(tau_memory_open(runtime, str(kScopes[chance(c, 3)]), &mine, &err));
  tau_memory_unref(mine);
}

ROW(tau_memory_ref) {
  (void)c;
  tau_memory_unref(tau_memory_ref(memory));
}

ROW(tau_memory_unref) { tau_memory_unref(chance(c, 2) ? tau_memory_ref(memory) : NULL); }

ROW(tau_memory_search) {
  static const float kVector[2] = {1, 1};
  const int with_vector = rarely(c);
  tau_buf out = {NULL, 0, NULL};
  /* Which space is in use changes with tau_runtime_set_embedder: a vector may be of another. */
  if (with_vector)
    tau_memory_search(memory, str("{\"query\":\"tea\"}"), kVector, 2, &out, NULL);
  else
    TRY(tau_memory_search(memory, str("{\"query\":\"who drinks tea\",\"explain\":true}"), NULL, 0, &out,
                          &err));
  tau_buf_free(&out);
}

ROW(tau_memory_perform) {
  static const char* const kRequests[] = {
      "{\"op\":\"list\",\"limit\":5}",
      "{\"op\":\"stats\"}",
      "{\"op\":\"tree\"}",
      "{\"op\":\"get\",\"id\":\"m1\"}",
      "{\"op\":\"forget\",\"id\":\"m2\"}",
      "{\"op\":\"relate\",\"from\":\"m1\",\"to\":\"m3\"}",
      "{\"op\":\"purge\",\"ids\":[\"m4\"]}",
  };
  const uint32_t at = chance(c, sizeof kRequests / sizeof *kRequests + 2);
  char text[96];
  tau_buf out = {NULL, 0, NULL};
  if (at < sizeof kRequests / sizeof *kRequests) { /* what it asks about may not be there */
    tau_memory_perform(memory, str(kRequests[at]), NULL, 0, &out, NULL);
  } else {
    snprintf(text, sizeof text, "{\"op\":\"add\",\"id\":\"m%u\",\"text\":\"Ada drinks tea %u\"}",
             chance(c, 8), chance(c, 100));
    tau_memory_perform(memory, str(text), NULL, 0, &out, NULL);
  }
  tau_buf_free(&out);
}

ROW(tau_embedder_init) {
  tau_embedder embedder;
  (void)c;
  tau_embedder_init(&embedder, sizeof embedder);
}

ROW(tau_runtime_set_embedder) {
  tau_embedder embedder = TAU_EMBEDDER_INIT;
  embedder.name = str("two");
  embedder.dimensions = 2;
  embedder.embed = on_embed;
  if (rarely(c)) TRY(tau_runtime_set_embedder(runtime, chance(c, 2) ? &embedder : NULL, &err));
}
