/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in a database file, the loop's side: batches go to the writer's thread, reads look into
 * the overlay first and then into the file. When a transaction fails, it and all that came after it
 * fail; their writes stay in the overlay as unsaved, the latest of each row; once a second all of
 * them go in one transaction, and with its success the store is up again.
 */
#include "common/store_file.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/store_overlay.h"
#include "common/store_priv.h"
#include "common/store_sqlite.h"
#include "common/store_writer.h"

#define LOG_PLACE "store"

#define MAX_UNSAVED (64u << 20)
#define BUSY_MS     2000
#define RETRY_MS    1000

struct store_file {
	struct store store;
	char *path;
	struct store_sqlite_config config;
	size_t max_unsaved;
	unsigned retry_ms;
	int lock_fd;
	bool made_lock; /* it was not there before */
	struct store_writer *writer;
	struct store_sqlite *reader;
	struct store_overlay overlay;
	struct bytes value; /* of the last get */
	unsigned n_in_flight, n_walks;
	bool retry_due;
	uint64_t down_since_ms; /* 0: up */
	struct store_health health;
	char trouble[256];
	struct event on_result, retry;
};

static struct store_file *file_of(struct store *s)
{
	return CONTAINER_OF(s, struct store_file, store);
}

static void send_item(struct store_file *f, struct store_item *i)
{
	f->n_in_flight++;
	store_writer_send(f->writer, i);
}

static void file_commit(struct store *s, struct store_batch *batch_take, store_commit_fn *fn,
			void *arg)
{
	struct store_file *f = file_of(s);
	struct store_item *i = xcalloc(1, sizeof(*i));
	size_t n = store_overlay_cost(batch_take);

	assert(f->n_walks == 0);
	i->batch = batch_take;
	i->fn = fn;
	i->arg = arg;
	if (n > f->max_unsaved || f->overlay.n_bytes > f->max_unsaved - n) {
		i->err = -ERR_LIMIT;
		store_batch_free(&i->batch);
		i->batch = store_batch_new();
	}
	store_overlay_add(&f->overlay, i->batch);
	send_item(f, i);
}

static struct store_item *unsaved_item(struct store_file *f)
{
	struct store_item *i = xcalloc(1, sizeof(*i));

	i->batch = store_batch_new();
	i->is_retry = true;
	store_overlay_take(&f->overlay, i->batch);
	return i;
}

/* Only when nothing is on its way: what fails just now must not be left behind. */
static void retry_if_due(struct store_file *f)
{
	if (!f->retry_due || f->n_in_flight > 0)
		return;
	f->retry_due = false;
	send_item(f, unsaved_item(f));
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct store_file *f = arg;

	(void)fd;
	(void)what;
	f->retry_due = true;
	retry_if_due(f);
}

static void went_down(struct store_file *f, const char *why)
{
	struct timeval tv = {.tv_sec = f->retry_ms / 1000,
			     .tv_usec = (suseconds_t)(f->retry_ms % 1000) * 1000};

	f->health.failures++;
	snprintf(f->trouble, sizeof(f->trouble), "%s", why);
	f->health.trouble = f->trouble;
	if (f->down_since_ms == 0) {
		f->down_since_ms = clock_now_ms();
		log_error("%s; changes are kept in memory until it takes them", why);
	}
	if (!f->retry_due && !evtimer_pending(&f->retry, NULL))
		evtimer_add(&f->retry, &tv);
}

static void came_back(struct store_file *f, uint64_t n_rows)
{
	struct store_sqlite *fresh;
	char why[256];

	if (store_sqlite_reopen(&f->config, true, why, sizeof(why), &fresh) != 0) {
		went_down(f, why);
		return;
	}
	store_sqlite_close(&f->reader);
	f->reader = fresh;
	f->health.trouble = NULL;
	log_warn("%s: it takes changes again, after %.1f s; %llu rows had waited", f->path,
		 (double)(clock_now_ms() - f->down_since_ms) / 1000.0, (unsigned long long)n_rows);
	f->down_since_ms = 0;
}

static void finish(struct store_file *f, struct store_item *i)
{
	store_commit_fn *fn = i->fn;
	void *arg = i->arg;
	int err = i->err;

	f->n_in_flight--;
	f->health.commits += i->n_commits;
	f->health.rows += i->n_rows;
	f->health.busy_us += i->busy_us;
	store_overlay_settle(&f->overlay, i->batch, err == 0);
	if (err == -ERR_IO)
		went_down(f, i->why);
	else if (i->is_retry && f->overlay.n_unsaved > 0)
		f->retry_due = true;
	else if (i->is_retry)
		came_back(f, i->n_rows);
	store_batch_free(&i->batch);
	free(i);
	if (fn != NULL)
		fn(err, arg);
}

static void on_result(evutil_socket_t fd, short what, void *arg)
{
	struct store_file *f = arg;
	struct store_items done;
	struct store_item *i;

	(void)fd;
	(void)what;
	store_writer_collect(f->writer, &done);
	while ((i = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		finish(f, i);
	}
	retry_if_due(f);
}

static int read_failed(struct store_file *f)
{
	static struct log_bucket bucket = {.burst = 5};

	f->health.failures++;
	if (f->down_since_ms == 0) /* else it is known */
		log_limited(&bucket, LOG_ERROR, LOG_PLACE, "%s (reading)",
			    store_sqlite_why(f->reader));
	return -ERR_IO;
}

static int file_get(struct store *s, const char *table, struct slice key, struct slice *value_r)
{
	struct store_file *f = file_of(s);
	const struct store_write *w = store_overlay_find(&f->overlay, table, key);
	int err;

	if (w != NULL && !w->is_put)
		return -ERR_NOT_FOUND;
	if (w != NULL) {
		*value_r = slice_make(w->value, w->value_len);
		return 0;
	}
	bytes_reset(&f->value);
	err = store_sqlite_get(f->reader, table, key, &f->value);
	if (err == -ERR_IO)
		return read_failed(f);
	if (err == 0)
		*value_r = slice_make(bytes_cstr(&f->value), f->value.len);
	return err;
}

/* A walk through the file that meets the overlay's rows on its way, both in order of keys. */
struct walk {
	const struct store_write **rows;
	size_t n, next;
	store_each_fn *fn;
	void *arg;
	bool stopped;
};

static void show(struct walk *walk, struct slice key, struct slice value)
{
	walk->stopped = walk->stopped || !walk->fn(key, value, walk->arg);
}

/* Rows of the overlay below key, and at it: true when there was that one. NULL: all that are left. */
static bool catch_up(struct walk *walk, const struct slice *key)
{
	while (!walk->stopped && walk->next < walk->n) {
		const struct store_write *w = walk->rows[walk->next];
		struct slice own = slice_make(w->key, w->key_len);
		int where = key != NULL ? store_overlay_order(own, *key) : -1;

		if (where > 0)
			break;
		walk->next++;
		if (w->is_put)
			show(walk, own, slice_make(w->value, w->value_len));
		if (where == 0)
			return true;
	}
	return false;
}

static bool on_row(struct slice key, struct slice value, void *arg)
{
	struct walk *walk = arg;

	if (!catch_up(walk, &key))
		show(walk, key, value);
	return !walk->stopped;
}

static int file_each(struct store *s, const char *table, struct slice prefix, store_each_fn *fn,
		     void *arg)
{
	struct walk walk = {.fn = fn, .arg = arg};
	struct store_file *f = file_of(s);
	int err;

	walk.rows = store_overlay_list(&f->overlay, table, prefix, &walk.n);
	f->n_walks++;
	err = store_sqlite_each(f->reader, table, prefix, on_row, &walk);
	if (err == 0)
		(void)catch_up(&walk, NULL);
	f->n_walks--;
	free(walk.rows);
	return err != 0 ? read_failed(f) : 0;
}

static void file_health(const struct store *s, struct store_health *health_r)
{
	const struct store_file *f = file_of((struct store *)(uintptr_t)s);

	*health_r = f->health;
	health_r->unsaved = f->overlay.n_unsaved;
}

static void discard(struct store_file *f, struct store_item *i)
{
	store_overlay_settle(&f->overlay, i->batch, i->err == 0);
	store_batch_free(&i->batch);
	free(i);
}

/* Whatever waits is written; what could not be, is tried once more. */
static void stop_writer(struct store_file *f)
{
	struct store_items done;
	struct store_item *i;

	store_writer_stop(f->writer);
	store_writer_collect(f->writer, &done);
	while ((i = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		discard(f, i);
	}
	if (f->overlay.n_unsaved > 0) {
		i = unsaved_item(f);
		store_writer_run(f->writer, i);
		discard(f, i);
	}
	if (f->overlay.n_unsaved > 0)
		log_error("%s: %zu rows could not be stored", f->path, f->overlay.n_unsaved);
}

static void release(struct store_file *f)
{
	store_overlay_fini(&f->overlay);
	store_sqlite_close(&f->reader);
	store_writer_free(&f->writer);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	bytes_fini(&f->value);
	free(f->path);
	free(f);
}

static void file_free(struct store *s)
{
	struct store_file *f = file_of(s);

	event_del(&f->on_result);
	event_del(&f->retry);
	stop_writer(f);
	release(f);
}

static const struct store_ops ops = {
	.name = "file",
	.get = file_get,
	.each = file_each,
	.commit = file_commit,
	.health = file_health,
	.free = file_free,
};

/* Held as long as the store is open: SQLite's own locks would let two processes take turns. */
static int take_lock(struct store_file *f, char *why, size_t why_size)
{
	char *name = xasprintf("%s.lock", f->path);
	int err = 0;

	f->made_lock = access(name, F_OK) != 0;
	f->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->lock_fd < 0) {
		snprintf(why, why_size, "%s: %s", name, strerror(errno));
		err = -ERR_IO;
	} else if (flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, why_size, "%s: %s", f->path,
			 errno == EWOULDBLOCK ? "another process uses it" : strerror(errno));
		err = -ERR_IO;
	}
	free(name);
	return err;
}

/* After a failed open: nothing of ours stays beside a file that is not. It is locked meanwhile. */
static void drop_lock(const struct store_file *f)
{
	char *name = xasprintf("%s.lock", f->path);

	if (f->made_lock)
		(void)unlink(name);
	free(name);
}

static int open_all(struct store_file *f, char *why, size_t why_size)
{
	struct store_sqlite *db;
	int err;

	if (daemon_mkdir_for(f->path) != 0) {
		snprintf(why, why_size, "%s: its folder cannot be made: %s", f->path,
			 strerror(errno));
		return -ERR_IO;
	}
	err = take_lock(f, why, why_size);
	if (err != 0)
		return err;
	err = store_sqlite_open(&f->config, why, why_size, &db);
	if (err != 0) {
		drop_lock(f);
		return err;
	}
	err = store_writer_new(&f->config, db, &f->writer);
	if (err != 0) {
		snprintf(why, why_size, "%s: no thread to write: %s", f->path, strerror(errno));
		return err;
	}
	err = store_sqlite_reopen(&f->config, true, why, why_size, &f->reader);
	if (err != 0)
		store_writer_stop(f->writer);
	return err;
}

int store_file_open(struct event_base *base, const struct store_file_config *config, char *why,
		    size_t why_size, struct store **store_r)
{
	struct store_file *f = xcalloc(1, sizeof(*f));
	int err;

	f->store.ops = &ops;
	f->path = xstrdup(config->path);
	f->config = (struct store_sqlite_config){.path = f->path,
						 .sync = config->sync,
						 .max_bytes = config->max_bytes,
						 .busy_ms = config->busy_ms != 0 ? config->busy_ms
										 : BUSY_MS};
	f->max_unsaved = config->max_unsaved != 0 ? config->max_unsaved : MAX_UNSAVED;
	f->retry_ms = config->retry_ms != 0 ? config->retry_ms : RETRY_MS;
	f->lock_fd = -1;
	bytes_init(&f->value, SIZE_MAX);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a failed write, not the end */
	err = open_all(f, why, why_size);
	if (err != 0) {
		release(f);
		return err == -ERR_CONFIG ? err : -ERR_IO;
	}
	event_assign(&f->on_result, base, store_writer_fd(f->writer), EV_READ | EV_PERSIST,
		     on_result, f);
	event_add(&f->on_result, NULL);
	evtimer_assign(&f->retry, base, on_retry, f);
	*store_r = &f->store;
	return 0;
}
