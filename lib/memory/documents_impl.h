// What Documents is made of; private to documents*.cpp.
#pragma once

#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "memory/documents.h"
#include "memory/documents_base.h"
#include "memory/documents_names.h"

namespace tau::memory {

struct Documents::Impl {
  // A document of the delta.
  struct Fields {
    int64_t row, time_ms, position, created_ms, updated_ms;
    float importance;
    uint32_t thread, source;  // numbers of names; kNoString
    uint8_t type;
    bool forgotten;
    bool has_validity;  // in `validities`
  };
  struct Threaded {
    uint32_t thread;
    DocumentPlace place;
    Doc doc;
    bool operator<(const Threaded& other) const {
      return std::tie(thread, place, doc) < std::tie(other.thread, other.place, other.doc);
    }
  };

  SegmentView view;  // keeps the base mapped
  DocumentsBase base;
  std::vector<Fields> delta;
  std::unordered_map<Doc, Validity> validities;
  std::unordered_map<int64_t, Doc> delta_rows;  // of those that are present
  std::set<Threaded> delta_order;               // of those that are live and stand in a thread
  std::unordered_map<uint32_t, std::vector<Doc>> delta_tags;
  size_t delta_tag_count = 0;
  DocumentNames threads, sources, tags;
  DocSet live, present;
  std::vector<uint32_t> thread_sizes;  // live documents, by thread; those beyond its end have none
  uint32_t live_threads = 0;
  uint64_t in_threads = 0;

  void join(uint32_t thread, uint32_t documents);
  void leave(uint32_t thread);
  bool in_base(Doc doc) const { return doc < base.size; }
  const Fields& added(Doc doc) const { return delta[doc - base.size]; }
  Doc size() const { return base.size + static_cast<Doc>(delta.size()); }
  DocumentPlace place(Doc doc) const {
    if (in_base(doc)) return base.place(doc);
    const Fields& f = added(doc);
    return {f.time_ms, f.position, f.row};
  }
  uint32_t thread(Doc doc) const {
    return in_base(doc) ? known(base.threads.at(doc), base.thread_names) : added(doc).thread;
  }
  uint32_t source(Doc doc) const {
    return in_base(doc) ? known(base.sources.at(doc), base.source_names) : added(doc).source;
  }
  static uint32_t known(int64_t number, const SegmentStrings& names) {
    return static_cast<uint64_t>(number) < names.size() ? static_cast<uint32_t>(number) : kNoString;
  }
  Doc base_neighbour(Doc doc, uint32_t thread, const DocumentPlace& place, bool after) const;
  uint64_t base_rank(Doc doc, const DocumentsBase::Run& run, const DocumentPlace& at, bool after) const;
  Validity base_validity(uint64_t index) const {
    return {base.valid_from.at(index), base.valid_to.at(index), base.superseded.at(index),
            base.valid_to_before.at(index)};
  }
  void keep_tagged(DocSet& set, std::string_view tag) const;
  void keep_threaded(DocSet& set, std::string_view name) const;
  void keep_sources(DocSet& set, std::string_view prefix) const;
  // f(doc) for each that carries the tag, those that are out as well.
  template <class F>
  void each_tagged(uint32_t tag, F&& f) const {
    const DocumentsBase::Run run = base.tag_run(tag);
    for (uint64_t i = run.begin; i < run.end; ++i)
      if (const Doc doc = base.doc_of(base.tag_docs, i); doc != kNoDoc) f(doc);
    if (const auto found = delta_tags.find(tag); found != delta_tags.end())
      for (const Doc doc : found->second) f(doc);
  }
  // f(doc, validity) for each that is not valid always.
  template <class F>
  void each_validity(F&& f) const {
    for (uint64_t i = 0; i < base.valid_docs.count(); ++i)
      if (const Doc doc = base.doc_of(base.valid_docs, i); doc != kNoDoc) f(doc, base_validity(i));
    for (const auto& [doc, validity] : validities) f(doc, validity);
  }
};

}  // namespace tau::memory
