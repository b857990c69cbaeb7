/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes to the database file: queue in, transactions, queue out, eventfd. */
#include "common/store_writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

struct store_writer {
	/* Both threads', under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct store_items todo, done;
	bool stop;
	bool idle;  /* the helper sleeps until something comes */
	bool hurry; /* of todo something may not wait */
	/* The helper's while it runs. */
	struct store_sqlite_config config;
	struct store_sqlite *db;
	bool broken; /* since a failure until a retry succeeds */
	char why[256];
	/* Never change. */
	pthread_t helper;
	int result_fd;
};

static int write_items(struct store_writer *w, struct store_item *first,
		       const struct store_item *end, uint64_t *n_rows_r)
{
	uint64_t n = 0;
	int err = store_sqlite_begin(w->db);

	if (err != 0)
		return err;
	for (struct store_item *i = first; err == 0 && i != end; i = STAILQ_NEXT(i, link)) {
		const struct store_write *row;

		STAILQ_FOREACH(row, &i->batch->writes, link) {
			err = store_sqlite_apply(w->db, row);
			if (err != 0)
				break;
			n++;
		}
		if (err == 0 && i->is_retry)
			err = store_sqlite_touch(w->db);
	}
	*n_rows_r = n;
	if (err == 0)
		err = store_sqlite_commit(w->db);
	if (err != 0)
		store_sqlite_undo(w->db);
	return err;
}

/* After a failure nothing is taken for granted: open the file anew, if it still is this one. */
static int try_again(struct store_writer *w)
{
	struct store_sqlite *fresh;
	int err = store_sqlite_check_place(w->db);

	if (err != 0) {
		snprintf(w->why, sizeof(w->why), "%s", store_sqlite_why(w->db));
		return err;
	}
	err = store_sqlite_reopen(&w->config, false, w->why, sizeof(w->why), &fresh);
	if (err != 0)
		return err;
	store_sqlite_close(&w->db);
	w->db = fresh;
	return 0;
}

/* One transaction for items first to end (which it leaves out). */
static void commit_group(struct store_writer *w, struct store_item *first,
			 const struct store_item *end)
{
	uint64_t began_us = clock_now_us(), n_rows = 0;
	bool has_work = first->is_retry;
	int err = 0;

	for (struct store_item *i = first; i != end; i = STAILQ_NEXT(i, link))
		has_work = has_work || !STAILQ_EMPTY(&i->batch->writes);
	if (w->broken && !first->is_retry) {
		err = -ERR_IO;
	} else if (has_work) {
		if (first->is_retry)
			err = try_again(w);
		if (err == 0) {
			err = write_items(w, first, end, &n_rows);
			if (err != 0)
				snprintf(w->why, sizeof(w->why), "%s", store_sqlite_why(w->db));
			else
				first->n_commits = 1;
		}
		w->broken = err != 0;
	}
	first->busy_us = clock_now_us() - began_us;
	first->n_rows = err == 0 ? n_rows : 0;
	for (struct store_item *i = first; i != end; i = STAILQ_NEXT(i, link)) {
		if (i->err != 0)
			continue; /* refused before */
		i->err = err;
		if (err != 0)
			snprintf(i->why, sizeof(i->why), "%s", w->why);
	}
}

static void work(struct store_writer *w, struct store_items *all)
{
	struct store_item *first = STAILQ_FIRST(all), *i;

	/* A retry is a transaction of its own; what follows it depends on its outcome. */
	for (i = first; i != NULL; i = STAILQ_NEXT(i, link)) {
		struct store_item *next = STAILQ_NEXT(i, link);

		if (i->is_retry || next == NULL || next->is_retry) {
			commit_group(w, first, next);
			first = next;
		}
	}
}

/* Under load what comes soon after a transaction waits for more; who comes alone does not wait. */
static void gather(struct store_writer *w, uint64_t last_us)
{
	uint64_t until_us = last_us + STORE_GATHER_MS * 1000ull;
	struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
				 .tv_nsec = (long)(until_us % 1000000) * 1000};

	while (!w->hurry && !w->stop && clock_now_us() < until_us)
		(void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void *helper_main(void *arg)
{
	struct store_writer *w = arg;
	struct store_items mine = STAILQ_HEAD_INITIALIZER(mine);
	uint64_t one = 1, last_us = 0;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (STAILQ_EMPTY(&w->todo) && !w->stop) {
			w->idle = true;
			pthread_cond_wait(&w->wake, &w->lock);
			w->idle = false;
		}
		if (STAILQ_EMPTY(&w->todo))
			break;
		gather(w, last_us);
		last_us = clock_now_us();
		w->hurry = false;
		STAILQ_CONCAT(&mine, &w->todo);
		pthread_mutex_unlock(&w->lock);
		work(w, &mine);
		pthread_mutex_lock(&w->lock);
		STAILQ_CONCAT(&w->done, &mine);
		if (write(w->result_fd, &one, sizeof(one)) < 0)
			assert(errno == EAGAIN); /* it counts very far: the loop is told already */
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are the loop's. */
static int start(struct store_writer *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->helper, NULL, helper_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = rc;
	return rc == 0 ? 0 : -ERR_IO;
}

static void release(struct store_writer *w)
{
	store_sqlite_close(&w->db);
	if (w->result_fd >= 0)
		close(w->result_fd);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w);
}

int store_writer_new(const struct store_sqlite_config *config, struct store_sqlite *db_take,
		     struct store_writer **w_r)
{
	struct store_writer *w = xcalloc(1, sizeof(*w));
	pthread_condattr_t attr;

	w->config = *config;
	w->db = db_take;
	STAILQ_INIT(&w->todo);
	STAILQ_INIT(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* as clock_now_us() */
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	w->result_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->result_fd < 0 || start(w) != 0) {
		int err = errno;

		release(w);
		errno = err;
		return -ERR_IO;
	}
	*w_r = w;
	return 0;
}

int store_writer_fd(const struct store_writer *w)
{
	return w->result_fd;
}

void store_writer_send(struct store_writer *w, struct store_item *i)
{
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->todo, i, link);
	if (!i->batch->may_wait)
		w->hurry = true;
	if (w->idle || w->hurry)
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void store_writer_collect(struct store_writer *w, struct store_items *done_r)
{
	uint64_t n;

	if (read(w->result_fd, &n, sizeof(n)) < 0)
		assert(errno == EAGAIN); /* nothing new */
	STAILQ_INIT(done_r);
	pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(done_r, &w->done);
	pthread_mutex_unlock(&w->lock);
}

void store_writer_stop(struct store_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->helper, NULL);
}

void store_writer_run(struct store_writer *w, struct store_item *i)
{
	STAILQ_NEXT(i, link) = NULL;
	commit_group(w, i, NULL);
}

void store_writer_free(struct store_writer **w)
{
	if (*w != NULL)
		release(*w);
	*w = NULL;
}
