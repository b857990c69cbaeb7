/* SPDX-License-Identifier: Apache-2.0 */
/* What the UE library tells, as the chat client's events; and what lines wait for their outcome. */
#include "ue/mrfue_app.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/mem.h"
#include "proto/ks/ks_frame.h"

/* Takes the event; it is printed, and kept for /wait. */
void mrfue_emit(struct mrfue_app *app, json_t *event)
{
	char when[CLOCK_RFC3339_SIZE];

	json_object_set_new(event, "time", json_string(clock_rfc3339(clock_wall_ms(), when)));
	mrfue_print(event, app->opt.json);
	if (app->opt.script) {
		mrfue_waits_add(app->waits, event);
		mrfue_check_wait(app);
	}
	json_decref(event);
}

json_t *mrfue_text(struct slice s)
{
	struct bytes valid = BYTES_INIT;
	size_t i = 0, n;
	json_t *v;

	if (slice_is_utf8(s))
		return json_stringn(s.len ? s.ptr : "", s.len);
	while (i < s.len) {
		for (n = 1; n < 4 && i + n < s.len; n++)
			if (slice_is_utf8(slice_make(s.ptr + i, n)))
				break;
		if (slice_is_utf8(slice_make(s.ptr + i, n))) {
			bytes_add(&valid, s.ptr + i, n);
			i += n;
		} else {
			bytes_add_str(&valid, "\xef\xbf\xbd");
			i++;
		}
	}
	v = json_stringn(valid.data, valid.len);
	bytes_fini(&valid);
	return v;
}

json_t *mrfue_or_null(const char *s)
{
	return s && s[0] ? mrfue_text(slice_str(s)) : json_null();
}

void mrfue_failed(struct mrfue_app *app, unsigned line, const char *command, int code,
		  const char *reason)
{
	struct pending *p = mrfue_find_pending(app, line);

	mrfue_emit(app,
		   json_pack("{s:s, s:i, s:s, s:o, s:i, s:o}", "event", "failed", "line", (int)line,
			     "command", command, "about", mrfue_or_null(p ? p->detail : NULL),
			     "code", code, "reason", mrfue_text(slice_str(reason))));
}

void mrfue_remember(struct mrfue_app *app, unsigned line, const char *command, const char *detail,
		    bool private, uint64_t size)
{
	app->pending = xrealloc(app->pending, (app->n_pending + 1) * sizeof(app->pending[0]));
	app->pending[app->n_pending++] = (struct pending){.line = line,
							  .command = xstrdup(command),
							  .detail = xstrdup(detail),
							  .private = private,
							  .size = size};
}

struct pending *mrfue_find_pending(struct mrfue_app *app, unsigned line)
{
	size_t i;

	for (i = 0; i < app->n_pending; i++)
		if (app->pending[i].line == line)
			return &app->pending[i];
	return NULL;
}

void mrfue_forget(struct mrfue_app *app, struct pending *p)
{
	free(p->command);
	free(p->detail);
	free(p->text);
	*p = app->pending[--app->n_pending];
}

static void on_invitation(const char *conference, const char *from, const char *by, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:s, s:s, s:o}", "event", "invitation", "conference",
				  conference, "from", from, "by", mrfue_or_null(by)));
}

static void on_joined(const struct ue_joined *j, void *arg)
{
	struct mrfue_app *app = arg;

	app->joined = true;
	event_del(app->ev_join);
	mrfue_emit(app, json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "event",
				  "joined", "conference", j->conference, "nickname", j->nickname,
				  "private", j->private_messages, "tls", j->tls, "psk", j->psk,
				  "sealed", j->sealed, "key", j->could_seal, "serves", j->serves));
	mrfue_input_hold(app->input, false);
}

static bool is_text(const struct ue_message *m)
{
	return m->payload.ptr && m->cpim.kind != CPIM_FILE &&
	       slice_istarts(m->cpim.content_type, SLICE_LIT("text/"));
}

/* Formal-name of a CPIM From, unquoted and unescaped (RFC 3862 2.3, 4.1); null without one. */
static json_t *display_name(struct slice raw)
{
	size_t i = 1;
	struct slice name;
	struct bytes plain = BYTES_INIT;
	json_t *v;

	if (raw.len && raw.ptr[0] == '"') {
		while (i < raw.len && raw.ptr[i] != '"')
			i += raw.ptr[i] == '\\' ? 2 : 1;
		name = i < raw.len ? slice_make(raw.ptr + 1, i - 1) : SLICE_NULL;
	} else {
		ptrdiff_t lt = slice_chr(raw, '<');

		name = lt > 0 ? slice_trim(slice_first(raw, (size_t)lt)) : SLICE_NULL;
	}
	if (name.len == 0)
		return json_null();
	v = cpim_unescape(name, &plain) < 0 ? mrfue_text(name) : mrfue_text(bytes_slice(&plain));
	bytes_fini(&plain);
	return v;
}

/* How it is sealed. */
static void add_seal(json_t *e, bool alone, uint32_t epoch, bool words)
{
	json_object_set_new(e, "alone", json_boolean(alone));
	json_object_set_new(e, "epoch", epoch ? json_integer(epoch) : json_null());
	json_object_set_new(e, "words", json_boolean(words));
}

static void show_message(const struct ue_message *m, bool private_message, void *arg)
{
	struct mrfue_app *app = arg;
	const struct ue_roster_user *from = ue_roster_find(ue_roster(app->ue), m->cpim.from);
	json_t *e;

	e = json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:I}", "event",
		      is_text(m) ? "message" : "file", "from", mrfue_text(m->cpim.from), "display",
		      display_name(m->cpim.from_raw), "nickname",
		      mrfue_or_null(from ? from->nickname : NULL), "private", private_message,
		      "type", mrfue_text(m->cpim.content_type), "size", (json_int_t)m->size);
	json_object_set_new(e, "sealed", json_boolean(m->sealed));
	if (m->sealed)
		add_seal(e, m->alone, m->epoch, m->words);
	if (m->sealed || m->verified)
		json_object_set_new(e, "verified", json_boolean(m->verified));
	if (is_text(m))
		json_object_set_new(e, "text", mrfue_text(m->payload));
	else
		mrfue_file_keep(m, app->opt.download, e);
	mrfue_emit(app, e);
}

/* Signed ones by what was signed; those whose signature is not believed, as they came. */
static void on_message(const struct ue_message *m, bool private_message, void *arg)
{
	struct mrfue_app *app = arg;
	struct ue_message shown = *m;
	struct bytes content = BYTES_INIT;

	if (!app->smime || m->sealed || ue_smime_show(app->smime, &shown, &content) < 0)
		shown = *m;
	show_message(&shown, private_message, arg);
	bytes_fini(&content);
}

static void on_dropped(const struct ue_dropped *d, void *arg)
{
	struct mrfue_app *app = arg;
	const struct ue_roster_user *from = ue_roster_find(ue_roster(app->ue), d->from);

	mrfue_emit(app, json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:b, s:s}", "event", "dropped",
				  "from", mrfue_text(d->from), "display",
				  mrfue_or_null(from ? from->display : NULL), "nickname",
				  mrfue_or_null(from ? from->nickname : NULL), "size",
				  (json_int_t)d->size, "epoch", (json_int_t)d->epoch, "replay",
				  d->replay, "why", d->why));
}

static void on_epoch(const struct gkid *id, int64_t n_members, void *arg)
{
	struct mrfue_app *app = arg;
	bool anew = gkid_epoch(&app->epoch) != 0 && !gkid_same_domain(&app->epoch, id);
	char hex[GKID_HEX_SIZE];
	json_t *e;

	gkid_hex(id, hex);
	app->epoch = *id;
	e = json_pack("{s:s, s:I, s:s, s:b}", "event", "epoch", "epoch", (json_int_t)gkid_epoch(id),
		      "id", hex, "anew", anew);
	if (n_members >= 0)
		json_object_set_new(e, "members", json_integer((json_int_t)n_members));
	mrfue_emit(arg, e);
}

static void on_serving(const char *conference, size_t n_keys, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:o, s:I}", "event", "serving", "conference",
				  mrfue_text(slice_str(conference)), "keys", (json_int_t)n_keys));
}

static void on_not_serving(const char *why, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:s}", "event", "not-serving", "why", why));
}

static void on_trouble(const char *text, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:o}", "event", "trouble", "text",
				  mrfue_text(slice_str(text))));
}

static void on_key(const struct ue_key_news *k, void *arg)
{
	static const char *const states[] = {"given", "confirmed", "refused"};
	json_t *e = json_pack("{s:s, s:o, s:o, s:s}", "event", "key", "uri",
			      mrfue_text(slice_str(k->uri)), "id", mrfue_or_null(k->key_id),
			      "state", states[k->step]);

	if (k->step != UE_KEY_REFUSED) {
		json_object_set_new(e, "epoch", json_integer(k->epoch));
	} else {
		json_object_set_new(e, "why", json_string(k->why));
		json_object_set_new(e, "untold", json_integer(k->n_untold));
	}
	mrfue_emit(arg, e);
}

static void add_holder(const struct ue_key_holder *h, void *arg)
{
	json_array_append_new(
		arg,
		json_pack("{s:o, s:o, s:I, s:o}", "uri", mrfue_text(slice_str(h->uri)), "id",
			  mrfue_text(slice_str(h->key_id)), "given", (json_int_t)h->given,
			  "confirmed", h->confirmed ? json_integer(h->confirmed) : json_null()));
}

void mrfue_keys(struct mrfue_app *app, unsigned line)
{
	json_t *members = json_array();

	if (!ue_each_key(app->ue, add_holder, members)) {
		json_decref(members);
		mrfue_failed(app, line, "/keys", 0, "you are not the key server here");
		return;
	}
	mrfue_emit(app, json_pack("{s:s, s:i, s:o}", "event", "keys", "line", (int)line, "members",
				  members));
}

static void on_clock(int64_t behind_s, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:I}", "event", "clock", "behind", (json_int_t)behind_s));
}

static void on_aborted(struct slice from, uint64_t size, void *arg)
{
	mrfue_emit(arg,
		   json_pack("{s:s, s:o, s:I}", "event", "aborted", "from",
			     from.len ? mrfue_text(from) : json_null(), "size", (json_int_t)size));
}

static void on_receiving(uint64_t done, uint64_t total, void *arg)
{
	struct mrfue_app *app = arg;

	if (app->opt.download && !app->opt.json)
		mrfue_progress(done, total);
}

/* Our own words as the others see them; all of it only where it is sealed, where that is worth showing. */
static void add_said(const struct mrfue_app *app, const struct pending *p, json_t *e)
{
	json_object_set_new(e, "sealed", json_boolean(p->said.sealed));
	if (!p->said.sealed)
		return;
	add_seal(e, p->said.alone, p->said.epoch, false);
	json_object_set_new(e, "verified", json_boolean(p->said.is_signed));
	json_object_set_new(e, "from", mrfue_text(slice_str(app->opt.ue.as)));
	json_object_set_new(e, "display", mrfue_or_null(app->opt.ue.display));
	json_object_set_new(e, "to", p->private ? mrfue_or_null(p->detail) : json_null());
	json_object_set_new(e, "text", p->text ? mrfue_text(slice_str(p->text)) : json_null());
}

static json_t *sent_event(const struct mrfue_app *app, const struct pending *p)
{
	bool file = strcmp(p->command, "/file") == 0;
	json_t *e = json_pack("{s:s, s:i, s:b, s:o, s:I}", "event", "sent", "line", (int)p->line,
			      "private", p->private, "file",
			      file ? mrfue_or_null(p->detail) : json_null(), "size",
			      (json_int_t)p->size);

	add_said(app, p, e);
	return e;
}

static void on_sent(unsigned ticket, int status, const char *reason, void *arg)
{
	struct mrfue_app *app = arg;
	struct pending *p = mrfue_find_pending(app, ticket);

	if (!p)
		return;
	if (status == 200)
		mrfue_emit(app, sent_event(app, p));
	else
		mrfue_failed(app, ticket, p->command, status, reason);
	mrfue_forget(app, mrfue_find_pending(app, ticket));
}

static void on_nickname(unsigned ticket, int status, const char *reason, void *arg)
{
	struct mrfue_app *app = arg;
	struct pending *p = mrfue_find_pending(app, ticket);

	if (!p)
		return;
	if (status == 200)
		mrfue_emit(app, json_pack("{s:s, s:i, s:o}", "event", "nickname", "line",
					  (int)ticket, "nickname", mrfue_or_null(p->detail)));
	else
		mrfue_failed(app, ticket, p->command, status, reason);
	mrfue_forget(app, mrfue_find_pending(app, ticket));
}

static void on_receipt(const struct ue_receipt *r, void *arg)
{
	mrfue_emit(arg,
		   json_pack("{s:s, s:i, s:I, s:I, s:I}", "event", "receipt", "line",
			     (int)r->ticket, "delivered", (json_int_t)r->delivered, "displayed",
			     (json_int_t)r->displayed, "failed", (json_int_t)r->failed));
}

static void on_typing(struct slice who, bool active, void *arg)
{
	struct mrfue_app *app = arg;
	const struct ue_roster_user *from = ue_roster_find(ue_roster(app->ue), who);

	mrfue_emit(app, json_pack("{s:s, s:o, s:o, s:o, s:b}", "event", "typing", "from",
				  mrfue_text(who), "display",
				  mrfue_or_null(from ? from->display : NULL), "nickname",
				  mrfue_or_null(from ? from->nickname : NULL), "active", active));
}

static void on_referred(unsigned ticket, int status, const char *reason, bool final, bool refused,
			void *arg)
{
	struct mrfue_app *app = arg;
	struct pending *p = mrfue_find_pending(app, ticket);

	if (!p)
		return;
	if (refused)
		mrfue_failed(app, ticket, p->command, status, reason);
	else
		mrfue_emit(app,
			   json_pack("{s:s, s:i, s:s, s:s, s:i, s:o, s:b}", "event", "referred",
				     "line", (int)ticket, "uri", p->detail, "method",
				     strcmp(p->command, "/remove") == 0 ? "BYE" : "INVITE", "code",
				     status, "reason", mrfue_text(slice_str(reason)), "final",
				     final));
	if (final)
		mrfue_forget(app, mrfue_find_pending(app, ticket));
}

json_t *mrfue_users(const struct ue_roster *r)
{
	json_t *users = json_array();
	size_t i;

	for (i = 0; i < r->n_users; i++) {
		const struct ue_roster_user *u = &r->users[i];
		const char *joining = confinfo_joining_name(u->joining);

		json_array_append_new(users, json_pack("{s:o, s:o, s:s, s:o, s:o}", "uri",
						       mrfue_text(slice_str(u->uri)), "display",
						       mrfue_or_null(u->display), "state",
						       confinfo_status_name(u->status),
						       "joining_method", mrfue_or_null(joining),
						       "nickname", mrfue_or_null(u->nickname)));
	}
	return users;
}

static void on_roster(const char *entity, const struct ue_roster *r, void *arg)
{
	mrfue_emit(arg,
		   json_pack("{s:s, s:o, s:I, s:I, s:o}", "event", "roster", "conference",
			     mrfue_text(slice_str(entity)), "version", (json_int_t)r->version,
			     "count", (json_int_t)ue_roster_count(r), "users", mrfue_users(r)));
}

static void on_presence(const struct ue_roster_user *u, enum ue_roster_change change, void *arg)
{
	static const char *const names[] = {"arrived", "departed", "renamed"};
	const char *joining = confinfo_joining_name(u->joining);

	mrfue_emit(arg, json_pack("{s:s, s:o, s:o, s:o, s:o}", "event", names[change], "uri",
				  mrfue_text(slice_str(u->uri)), "display",
				  mrfue_or_null(u->display), "joining_method",
				  mrfue_or_null(joining), "nickname", mrfue_or_null(u->nickname)));
}

static void on_unwatched(int status, const char *reason, void *arg)
{
	mrfue_failed(arg, 0, "subscribe", status, reason);
}

static void on_lost(const char *why, void *arg)
{
	mrfue_emit(arg, json_pack("{s:s, s:s}", "event", "lost", "text", why));
}

static void on_rejoined(void *arg)
{
	mrfue_emit(arg, json_pack("{s:s}", "event", "rejoined"));
}

void mrfue_on_error(int code, const char *text, void *arg)
{
	struct mrfue_app *app = arg;
	bool no_key = code == 488 && app->opt.ue.seal.key_file == NULL &&
		      strstr(text, "a=key-mgmt is needed") != NULL;
	bool no_server = code == 488 && app->opt.ue.serve.keys_file == NULL &&
			 strstr(text, KS_BODY_TYPE) != NULL;
	char *whole = xasprintf("%s%s", text,
				no_server ? ": --serve-keys FILE is needed"
				: no_key  ? ": --key-file FILE is needed"
					  : "");

	app->exit_code = EXIT_RUNTIME;
	mrfue_emit(app, json_pack("{s:s, s:i, s:o}", "event", "error", "code", code, "text",
				  mrfue_text(slice_str(whole))));
	free(whole);
}

static void on_ended(bool by_focus, int cause, const char *text, void *arg)
{
	struct mrfue_app *app = arg;

	mrfue_emit(app, json_pack("{s:s, s:s, s:b, s:i, s:o}", "event", "ended", "by",
				  by_focus ? "focus" : "self", "joined", app->joined, "cause",
				  cause, "text", mrfue_text(slice_str(text))));
	if (app->wait_spec) {
		fprintf(stderr,
			"mrfue: line %u: the call has ended, nothing can satisfy: /wait %s\n",
			app->wait_line, app->wait_spec);
		app->exit_code = EXIT_RUNTIME;
	}
	event_base_loopbreak(app->base);
}

const struct ue_ops mrfue_ue_ops = {
	.invitation = on_invitation,
	.joined = on_joined,
	.message = on_message,
	.dropped = on_dropped,
	.epoch = on_epoch,
	.serving = on_serving,
	.key = on_key,
	.not_serving = on_not_serving,
	.trouble = on_trouble,
	.clock = on_clock,
	.aborted = on_aborted,
	.receiving = on_receiving,
	.sent = on_sent,
	.nickname = on_nickname,
	.receipt = on_receipt,
	.typing = on_typing,
	.referred = on_referred,
	.roster = on_roster,
	.presence = on_presence,
	.unwatched = on_unwatched,
	.lost = on_lost,
	.rejoined = on_rejoined,
	.files = &mrfue_files_ops,
	.error = mrfue_on_error,
	.ended = on_ended,
};
