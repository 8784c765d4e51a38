/* What the manager tells of itself, as JSON (docs/rest.md): why a peer is as it is, what comes next,
 * what happened. Words are those of the library's closed sets; null where there is none. */
#ifndef APP_JSON_EXPLAIN_H
#define APP_JSON_EXPLAIN_H

#include <wakupeers/explain.h>

#include <jansson.h>

/* NULL: no memory. */
json_t *json_explanation(wpm_bytes peer, const wpm_explanation *explanation, wpm_instant now);
json_t *json_planned_dial(const wpm_planned_dial *dial, wpm_instant now);
json_t *json_preview(const wpm_manager *manager, const wpm_preview *preview,
                     const wpm_planned_dial *dials, wpm_instant now);
json_t *json_history_entry(const wpm_history_entry *entry);

#endif
