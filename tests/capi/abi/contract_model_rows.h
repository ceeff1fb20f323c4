/* The rows of models that the host supplies, of embeddings and of requests. Included by contract_rows.h. */

static tau_model_reply* model_replies[kReplies];

static tau_model_reply* exchange_model_reply(uint32_t at, tau_model_reply* reply) {
  tau_model_reply* before;
  pthread_mutex_lock(&replies_mutex);
  before = model_replies[at];
  model_replies[at] = reply;
  pthread_mutex_unlock(&replies_mutex);
  return before;
}

/* Of any thread: whoever comes by answers. */
static void on_model(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  static atomic_uint at;
  (void)userdata, (void)call;
  tau_model_reply_drop(exchange_model_reply(atomic_fetch_add(&at, 1) % kReplies, reply));
}

static void on_model_cancel(void* userdata, const tau_model_call* call) { (void)userdata, (void)call; }

/* A run whose model answers when somebody comes by, and which nobody waits for. */
static void run_model(const char* name) {
  char config[64];
  tau_agent* of_model = NULL;
  tau_session* asking = NULL;
  tau_run* run = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  snprintf(config, sizeof config, "{\"model\":\"%s\"}", name);
  o.prompt = str("go");
  o.flags = TAU_RUN_QUIET;
  if (tau_agent_new(runtime, str(config), &of_model, NULL) == TAU_OK &&
      tau_session_open(of_model, str(NULL), &asking, NULL) == TAU_OK)
    tau_run_start(asking, &o, &run, NULL);
  tau_run_unref(run);
  tau_session_unref(asking);
  tau_agent_unref(of_model);
}

ROW(tau_model_init) {
  tau_model model;
  (void)c;
  tau_model_init(&model, sizeof model);
}

ROW(tau_runtime_add_model) {
  tau_model model = TAU_MODEL_INIT;
  char name[32];
  char document[64];
  snprintf(name, sizeof name, "host/m%u", chance(c, 8)); /* most of them are there already */
  snprintf(document, sizeof document, "{\"model\":\"%s\"}", name);
  model.document = str(document);
  model.invoke = on_model;
  model.cancel = on_model_cancel;
  TRY(tau_runtime_add_model(runtime, &model, &err));
  if (!c->in_callback && rarely(c)) run_model(name);
}

ROW(tau_model_reply_feed) {
  const uint32_t at = chance(c, kReplies);
  tau_model_reply* reply = exchange_model_reply(at, NULL);
  if (reply == NULL) return;
  TRY(tau_model_reply_feed(reply, str("{\"event\":\"text\",\"text\":\"3\"}\n"), 0, &err));
  tau_model_reply_drop(exchange_model_reply(at, reply));
}

ROW(tau_model_reply_fail) {
  tau_model_reply* reply = exchange_model_reply(chance(c, kReplies), NULL);
  if (reply != NULL) TRY(tau_model_reply_fail(reply, str("{\"code\":\"unavailable\"}"), &err));
}

ROW(tau_model_reply_drop) { tau_model_reply_drop(exchange_model_reply(chance(c, kReplies), NULL)); }

ROW(tau_embed) {
  tau_buf vectors;
  (void)c;
  TRY(tau_embed(runtime, str("{\"model\":\"offline/x\",\"texts\":[\"a\"]}"), &vectors, NULL, &err));
  tau_buf_free(&vectors);
}

ROW(tau_runtime_perform) {
  static const char* const kRequests[] = {
      "{\"op\":\"approvals\",\"all\":true}",
      "{\"op\":\"decide\",\"id\":\"apr_none\",\"allow\":true}",
      "{\"op\":\"traffic\"}",
      "{\"op\":\"resolve_did\",\"did\":\"did:example:none\"}",
      "{\"op\":\"models\",\"provider\":\"openai\"}",
      "{\"op\":\"model\",\"model\":\"openai/gpt-5\"}",
      "{\"op\":\"estimate\",\"model\":\"openai/gpt-5\",\"request\":{\"messages\":[]}}",
      "{\"op\":\"usage\",\"by\":[\"day\",\"session\"]}",
      "{\"op\":\"auth_status\"}",
      "{\"op\":\"remove_model\",\"model\":\"host/none\"}"};
  tau_buf out = {NULL, 0, NULL};
  if (tau_runtime_perform(runtime, str(kRequests[chance(c, sizeof kRequests / sizeof *kRequests)]), &out,
                          NULL) == TAU_OK)
    tau_buf_free(&out);
}
