/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_TYPING_H
#define UE_UE_TYPING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

/* The state machines of RFC 3994: who of the others types (figure 2), and whether we do (figure 1). Pure. */
#define UE_TYPING_MAX 1000 /* people watched; further ones are not shown */

struct ue_typing; /* the others */
struct ue_typing *ue_typing_new(void);
void ue_typing_free(struct ue_typing **t);
/* An indication came; refresh_s 0: none. True when the person's state changed. */
bool ue_typing_heard(struct ue_typing *t, struct slice who, bool active, uint32_t refresh_s,
		     uint64_t now_ms);
/* Content came: its sender is idle. True when that is a change. */
bool ue_typing_content(struct ue_typing *t, struct slice who);
/* Whose state ended by time: heap string, the caller frees; NULL: nobody. */
char *ue_typing_expired(struct ue_typing *t, uint64_t now_ms);
/* When the next one may end; 0: nobody types. */
uint64_t ue_typing_next_ms(const struct ue_typing *t);

/* Ourselves. All-zero is idle. */
struct ue_composer {
	bool active;
	uint64_t idle_ms;    /* idle then, if nothing happens */
	uint64_t refresh_ms; /* to tell again from then on */
};
/* Something was typed, or given up: true when the others are to be told of the state. */
bool ue_composer_set(struct ue_composer *c, bool active, uint64_t now_ms);
/* What was composed is sent, which tells itself. */
void ue_composer_sent(struct ue_composer *c);

#endif
