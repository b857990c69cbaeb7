/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door of SQLite: a connection, its settings, statements by table, failures as sentences.
 * Write-ahead log: readers never wait for the writer. synchronous=FULL has each commit on the disk
 * before it is answered; what SQLite makes of a kill or a power cut is the last whole commit.
 */
#include "common/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "common/store_priv.h"

#define APPLICATION_ID 0x6d726631 /* "mrf1", in the file's head */
#define SCHEMA         1          /* of the tables; rows have forms of their own */
#define WAL_BYTES      (16 << 20) /* what is left of the log after a checkpoint, at most */
#define MIN_PAGES      64

/* Statements of one table, prepared on first use. */
struct statements {
	struct statements *next;
	char *table;
	sqlite3_stmt *put, *del, *get;
};

struct store_sqlite {
	sqlite3 *db;
	char *path;
	struct statements *tables;
	char why[256];
};

/* The sentence for a failure: what people can do something about by name, the rest as it is told. */
static void explain(struct store_sqlite *d, int code)
{
	const char *what = sqlite3_errmsg(d->db);

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		what = "another process has locked it";
		break;
	case SQLITE_FULL:
		what = "no room is left for it";
		break;
	case SQLITE_READONLY:
		what = "it cannot be written";
		break;
	case SQLITE_CANTOPEN:
		what = "it cannot be opened";
		break;
	case SQLITE_CORRUPT:
		what = "it is damaged";
		break;
	case SQLITE_NOTADB:
		what = "it is damaged, or no database";
		break;
	default:
		break;
	}
	snprintf(d->why, sizeof(d->why), "%s: %s", d->path, what);
}

static int fail(struct store_sqlite *d, int code)
{
	explain(d, code);
	return -ERR_IO;
}

static int run(struct store_sqlite *d, const char *sql)
{
	int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(d, code);
}

/* First column of the first row as text; "" when there is none. */
static int ask(struct store_sqlite *d, const char *sql, char *text_r, size_t size)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(d->db, sql, -1, &st, NULL);

	text_r[0] = '\0';
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(st, 0);

		snprintf(text_r, size, "%s", text != NULL ? (const char *)text : "");
		code = SQLITE_DONE;
	}
	if (code != SQLITE_DONE)
		explain(d, code);
	sqlite3_finalize(st);
	return code == SQLITE_DONE ? 0 : -ERR_IO;
}

static void forget_statements(struct store_sqlite *d)
{
	struct statements *t;

	while ((t = d->tables) != NULL) {
		d->tables = t->next;
		sqlite3_finalize(t->put);
		sqlite3_finalize(t->del);
		sqlite3_finalize(t->get);
		free(t->table);
		free(t);
	}
}

void store_sqlite_close(struct store_sqlite **dp)
{
	struct store_sqlite *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	forget_statements(d);
	sqlite3_close(d->db);
	free(d->path);
	free(d);
}

static int connect_file(const struct store_sqlite_config *c, struct store_sqlite **db_r)
{
	struct store_sqlite *d = xcalloc(1, sizeof(*d));
	int code;

	d->path = xstrdup(c->path);
	code = sqlite3_open_v2(c->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	*db_r = d;
	if (code != SQLITE_OK)
		return fail(d, code);
	sqlite3_busy_timeout(d->db, (int)c->busy_ms);
	sqlite3_extended_result_codes(d->db, 1);
	return 0;
}

/* Give up an open: its reason outlives it. */
static int give_up(struct store_sqlite **d, int err, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s", (*d)->why);
	store_sqlite_close(d);
	return err;
}

static int set_up_writer(struct store_sqlite *d, const struct store_sqlite_config *c)
{
	char text[160], sql[96];
	int err;

	if (sqlite3_db_readonly(d->db, "main") == 1)
		return fail(d, SQLITE_READONLY);
	err = ask(d, "PRAGMA journal_mode=WAL", text, sizeof(text));
	if (err == 0 && strcmp(text, "wal") != 0) {
		snprintf(d->why, sizeof(d->why), "%s: its file system takes no write-ahead log",
			 d->path);
		err = -ERR_IO;
	}
	snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit=%d", WAL_BYTES);
	if (err == 0)
		err = run(d, sql);
	if (err == 0)
		err = run(d, c->sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	if (err != 0 || c->max_bytes == 0)
		return err;
	err = ask(d, "PRAGMA page_size", text, sizeof(text));
	if (err == 0) {
		uint64_t page = 0, pages;

		if (slice_u64(slice_str(text), 65536, &page) != 0 || page == 0)
			page = 4096;
		pages = c->max_bytes / page;
		snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%" PRIu64,
			 pages < MIN_PAGES ? MIN_PAGES : pages);
		err = run(d, sql);
	}
	return err;
}

int store_sqlite_reopen(const struct store_sqlite_config *c, bool readonly, char *why,
			size_t why_size, struct store_sqlite **db_r)
{
	struct store_sqlite *d;
	int err = connect_file(c, &d);

	if (err == 0)
		err = readonly ? run(d, "PRAGMA query_only=1") : set_up_writer(d, c);
	if (err != 0)
		return give_up(&d, err, why, why_size);
	*db_r = d;
	return 0;
}

/* Made by us and only for us, before SQLite, which would go by the umask. */
static int make_file(const char *path, char *why, size_t why_size)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return errno == EISDIR ? -ERR_CONFIG : -ERR_IO;
	}
	close(fd);
	if (S_ISREG(st.st_mode))
		return 0;
	snprintf(why, why_size, "%s: it is no file", path);
	return -ERR_CONFIG;
}

/* Is the file ours, or empty? */
static int check_owner(struct store_sqlite *d)
{
	char id[32], tables[32], sql[64];
	int err = ask(d, "PRAGMA application_id", id, sizeof(id));

	if (err == 0)
		err = ask(d, "SELECT count(*) FROM sqlite_master", tables, sizeof(tables));
	if (err != 0)
		return err;
	snprintf(sql, sizeof(sql), "%d", APPLICATION_ID);
	if (strcmp(id, sql) == 0)
		return 0;
	if (strcmp(tables, "0") != 0 || strcmp(id, "0") != 0) {
		snprintf(d->why, sizeof(d->why), "%s: it is another program's database", d->path);
		return -ERR_CONFIG;
	}
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d", APPLICATION_ID);
	return run(d, sql);
}

static int check_whole(struct store_sqlite *d)
{
	char text[160];
	int err = ask(d, "PRAGMA quick_check(1)", text, sizeof(text));

	if (err == 0 && strcmp(text, "ok") != 0) {
		for (char *p = text; *p != '\0'; p++) /* it likes to write several lines */
			*p = *p == '\n' ? ' ' : *p;
		snprintf(d->why, sizeof(d->why), "%s: it is damaged (%s)", d->path, text);
		return -ERR_IO;
	}
	return err;
}

static int check_schema(struct store_sqlite *d)
{
	char text[32];
	uint64_t schema = 0;
	int err = run(d, "CREATE TABLE IF NOT EXISTS meta(key BLOB PRIMARY KEY NOT NULL, "
			 "value BLOB NOT NULL) WITHOUT ROWID");

	if (err == 0)
		err = ask(d,
			  "SELECT CAST(value AS TEXT) FROM meta WHERE key=CAST('schema' AS BLOB)",
			  text, sizeof(text));
	if (err != 0)
		return err;
	if (text[0] != '\0' && slice_u64(slice_str(text), INT32_MAX, &schema) != 0) {
		snprintf(d->why, sizeof(d->why), "%s: it is damaged (no schema number)", d->path);
		return -ERR_IO;
	}
	if (schema > SCHEMA) {
		snprintf(d->why, sizeof(d->why),
			 "%s: a later release made it (schema %d, this one knows %d)", d->path,
			 (int)schema, SCHEMA);
		return -ERR_IO;
	}
	snprintf(text, sizeof(text), "%d", SCHEMA);
	err = store_sqlite_begin(d);
	if (err == 0)
		err = store_sqlite_apply(d, &(struct store_write){.is_put = true,
								  .table = (char *)"meta",
								  .key = (char *)"schema",
								  .key_len = 6,
								  .value = text,
								  .value_len = strlen(text)});
	if (err == 0)
		err = store_sqlite_touch(d);
	return err == 0 ? store_sqlite_commit(d) : err;
}

int store_sqlite_open(const struct store_sqlite_config *c, char *why, size_t why_size,
		      struct store_sqlite **db_r)
{
	struct store_sqlite *d;
	int err = make_file(c->path, why, why_size);

	if (err != 0)
		return err;
	err = connect_file(c, &d);
	if (err == 0 && sqlite3_db_readonly(d->db, "main") == 1)
		err = fail(d, SQLITE_READONLY);
	if (err == 0)
		err = check_owner(d);
	if (err == 0)
		err = set_up_writer(d, c);
	if (err == 0)
		err = check_whole(d);
	if (err == 0)
		err = check_schema(d);
	if (err != 0)
		return give_up(&d, err, why, why_size);
	*db_r = d;
	return 0;
}

const char *store_sqlite_why(const struct store_sqlite *d)
{
	return d->why;
}

static struct statements *statements_of(struct store_sqlite *d, const char *table)
{
	struct statements *t;

	for (t = d->tables; t != NULL; t = t->next) {
		if (strcmp(t->table, table) == 0)
			return t;
	}
	for (const char *p = table; *p != '\0'; p++)
		assert((*p >= 'a' && *p <= 'z') || *p == '_');
	t = xcalloc(1, sizeof(*t));
	t->table = xstrdup(table);
	t->next = d->tables;
	d->tables = t;
	return t;
}

/* Prepare what a format with the table's name says, once. */
static int prepare(struct store_sqlite *d, const char *table, const char *head, const char *tail,
		   sqlite3_stmt **st)
{
	char sql[192];

	if (*st != NULL)
		return SQLITE_OK;
	snprintf(sql, sizeof(sql), "%s\"%s\"%s", head, table, tail);
	return sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
}

static bool table_exists(struct store_sqlite *d, const char *table)
{
	sqlite3_stmt *st = NULL;
	bool is_there = true; /* if in doubt, let the failure be told */

	if (sqlite3_prepare_v2(d->db, "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1",
			       -1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
		is_there = sqlite3_step(st) != SQLITE_DONE;
	}
	sqlite3_finalize(st);
	return is_there;
}

static void bind(sqlite3_stmt *st, int at, const char *ptr, size_t len)
{
	sqlite3_bind_blob64(st, at, ptr != NULL ? ptr : "", len, SQLITE_STATIC);
}

static int step_write(struct store_sqlite *d, sqlite3_stmt *st)
{
	int code = sqlite3_step(st);

	if (code != SQLITE_DONE)
		explain(d, code);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return code == SQLITE_DONE ? 0 : -ERR_IO;
}

int store_sqlite_check_place(struct store_sqlite *d)
{
	int moved = 0;

	if (sqlite3_file_control(d->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
	    !moved)
		return 0;
	snprintf(d->why, sizeof(d->why), "%s: it was moved or removed", d->path);
	return -ERR_IO;
}

int store_sqlite_begin(struct store_sqlite *d)
{
	/* Who removes or replaces the file under us would otherwise lose all, unseen. */
	int err = store_sqlite_check_place(d);

	return err == 0 ? run(d, "BEGIN IMMEDIATE") : err;
}

int store_sqlite_apply(struct store_sqlite *d, const struct store_write *w)
{
	struct statements *t = statements_of(d, w->table);
	sqlite3_stmt **st = w->is_put ? &t->put : &t->del;
	char sql[192];
	int code;

	if (*st == NULL) {
		snprintf(sql, sizeof(sql),
			 "CREATE TABLE IF NOT EXISTS \"%s\"(key BLOB PRIMARY KEY NOT NULL, "
			 "value BLOB NOT NULL) WITHOUT ROWID",
			 w->table);
		if (run(d, sql) != 0)
			return -ERR_IO;
	}
	code = w->is_put ? prepare(d, w->table, "INSERT OR REPLACE INTO ",
				   "(key,value) VALUES(?1,?2)", st)
			 : prepare(d, w->table, "DELETE FROM ", " WHERE key=?1", st);
	if (code != SQLITE_OK)
		return fail(d, code);
	bind(*st, 1, w->key, w->key_len);
	if (w->is_put)
		bind(*st, 2, w->value, w->value_len);
	return step_write(d, *st);
}

int store_sqlite_touch(struct store_sqlite *d)
{
	return run(d, "INSERT OR REPLACE INTO meta(key,value) VALUES(CAST('touched' AS BLOB),"
		      "CAST(CAST(strftime('%s','now') AS INTEGER) AS BLOB))");
}

void store_sqlite_undo(struct store_sqlite *d)
{
	if (!sqlite3_get_autocommit(d->db)) /* else SQLite has rolled back already */
		(void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
	forget_statements(d); /* some are for tables that are no more */
}

int store_sqlite_commit(struct store_sqlite *d)
{
	return run(d, "COMMIT");
}

int store_sqlite_get(struct store_sqlite *d, const char *table, struct slice key,
		     struct bytes *value)
{
	struct statements *t = statements_of(d, table);
	int code = prepare(d, table, "SELECT value FROM ", " WHERE key=?1", &t->get);

	if (code != SQLITE_OK)
		return table_exists(d, table) ? fail(d, code) : -ERR_NOT_FOUND;
	bind(t->get, 1, key.ptr, key.len);
	code = sqlite3_step(t->get);
	if (code == SQLITE_ROW)
		bytes_add(value, sqlite3_column_blob(t->get, 0),
			  (size_t)sqlite3_column_bytes(t->get, 0));
	else if (code != SQLITE_DONE)
		explain(d, code);
	sqlite3_reset(t->get);
	sqlite3_clear_bindings(t->get);
	return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -ERR_NOT_FOUND : -ERR_IO;
}

static struct slice column(sqlite3_stmt *st, int at)
{
	const void *ptr = sqlite3_column_blob(st, at);

	return slice_make(ptr != NULL ? ptr : "", (size_t)sqlite3_column_bytes(st, at));
}

int store_sqlite_each(struct store_sqlite *d, const char *table, struct slice prefix,
		      store_each_fn *fn, void *arg)
{
	sqlite3_stmt *st = NULL; /* of its own: walks may be nested */
	int code = prepare(d, table, "SELECT key,value FROM ", " WHERE key>=?1 ORDER BY key", &st);

	if (code != SQLITE_OK)
		return table_exists(d, table) ? fail(d, code) : 0;
	bind(st, 1, prefix.ptr, prefix.len);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		struct slice key = column(st, 0);

		if (!slice_starts(key, prefix) || !fn(key, column(st, 1), arg))
			break;
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		explain(d, code);
	sqlite3_finalize(st);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -ERR_IO;
}
