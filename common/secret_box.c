/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest: version 1 octet, nonce 12, AES-256-GCM ciphertext, tag 16. The nonce is random:
 * a table of keys is written some thousand times in its life, far from 2^32.
 */
#include "common/secret_box.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/rand.h"
#include "common/secret.h"

#define VERSION       1
#define NONCE_SIZE    12
#define TAG_SIZE      16
#define HEX_SIZE      (2 * SECRET_BOX_KEY_SIZE)
#define KEY_LINE_SIZE (HEX_SIZE + 2)

static const uint8_t *octets(struct slice s)
{
	return (const uint8_t *)s.ptr;
}

/* A failure is none that input can cause. */
static void must(int ok)
{
	if (ok != 1) {
		fputs("AES-256-GCM failed\n", stderr);
		abort();
	}
}

void secret_box_seal(const uint8_t key[SECRET_BOX_KEY_SIZE], struct slice name,
		     struct slice content, struct bytes *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_SIZE], tag[TAG_SIZE];
	uint8_t *sealed = xcalloc(1, content.len + 1);
	int n = 0, last = 0;

	must(ctx != NULL);
	rand_bytes(nonce, sizeof(nonce));
	must(EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL));
	must(EVP_EncryptUpdate(ctx, NULL, &n, octets(name), (int)name.len));
	must(EVP_EncryptUpdate(ctx, sealed, &n, octets(content), (int)content.len));
	must(EVP_EncryptFinal_ex(ctx, sealed + n, &last));
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag));
	EVP_CIPHER_CTX_free(ctx);
	bytes_add_u8(out, VERSION);
	bytes_add(out, nonce, sizeof(nonce));
	bytes_add(out, sealed, content.len);
	bytes_add(out, tag, sizeof(tag));
	free(sealed);
}

int secret_box_open(const uint8_t key[SECRET_BOX_KEY_SIZE], struct slice name, struct slice sealed,
		    uint8_t *content_r, size_t size)
{
	struct slice body = slice_from(sealed, 1 + NONCE_SIZE);
	EVP_CIPHER_CTX *ctx;
	uint8_t tag[TAG_SIZE], *plain;
	int n = 0, last = 0;
	bool ok;

	if (sealed.len < SECRET_BOX_OVERHEAD || sealed.ptr[0] != VERSION)
		return -ERR_SYNTAX;
	body.len -= TAG_SIZE;
	if (body.len > size)
		return -ERR_LIMIT;
	memcpy(tag, body.ptr + body.len, sizeof(tag));
	plain = secret_alloc(size + 1);
	ctx = EVP_CIPHER_CTX_new();
	must(ctx != NULL);
	must(EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, octets(slice_from(sealed, 1)), NULL));
	must(EVP_DecryptUpdate(ctx, NULL, &n, octets(name), (int)name.len));
	must(EVP_DecryptUpdate(ctx, plain, &n, octets(body), (int)body.len));
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag));
	ok = EVP_DecryptFinal_ex(ctx, plain + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		memcpy(content_r, plain, body.len);
	secret_free(&plain, size + 1);
	return ok ? (int)body.len : -ERR_DENIED;
}

/* --- the key's file --- */

static int fail(int err, char *why, size_t why_size, const char *path, const char *what)
{
	int kept = errno;

	snprintf(why, why_size, "%s: %s", path, what);
	errno = kept;
	return err;
}

static int make_key(const char *path, uint8_t key_r[SECRET_BOX_KEY_SIZE], char *why,
		    size_t why_size)
{
	uint8_t key[SECRET_BOX_KEY_SIZE];
	char line[KEY_LINE_SIZE];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return fail(-ERR_IO, why, why_size, path, strerror(errno));
	secret_random(key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(line + 2 * i, 3, "%02x", key[i]);
	line[HEX_SIZE] = '\n';
	ok = write(fd, line, HEX_SIZE + 1) == HEX_SIZE + 1 && fsync(fd) == 0;
	mem_wipe(line, sizeof(line));
	ok = close(fd) == 0 && ok;
	if (ok)
		memcpy(key_r, key, sizeof(key));
	mem_wipe(key, sizeof(key));
	if (ok)
		return 1;
	(void)unlink(path);
	return fail(-ERR_IO, why, why_size, path, strerror(errno));
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct slice text, uint8_t key_r[SECRET_BOX_KEY_SIZE])
{
	uint8_t key[SECRET_BOX_KEY_SIZE];
	bool ok = text.len == HEX_SIZE;

	for (size_t i = 0; ok && i < sizeof(key); i++) {
		int high = digit(text.ptr[2 * i]), low = digit(text.ptr[2 * i + 1]);

		ok = high >= 0 && low >= 0;
		key[i] = (uint8_t)(high * 16 + low);
	}
	if (ok)
		memcpy(key_r, key, sizeof(key));
	mem_wipe(key, sizeof(key));
	return ok;
}

static int read_key(int fd, const char *path, uint8_t key_r[SECRET_BOX_KEY_SIZE], char *why,
		    size_t why_size)
{
	char line[KEY_LINE_SIZE];
	struct stat st;
	ssize_t n;
	bool ok;

	if (fstat(fd, &st) != 0)
		return fail(-ERR_IO, why, why_size, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-ERR_SYNTAX, why, why_size, path, "it is no file");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fail(-ERR_DENIED, why, why_size, path,
			    "others may read or write it (chmod 600)");
	n = read(fd, line, sizeof(line));
	if (n < 0)
		return fail(-ERR_IO, why, why_size, path, strerror(errno));
	ok = read_hex(slice_trim(slice_make(line, (size_t)n)), key_r);
	mem_wipe(line, sizeof(line));
	return ok ? 0
		  : fail(-ERR_SYNTAX, why, why_size, path,
			 "it is no line of 64 hexadecimal digits");
}

int secret_box_key_file(const char *path, uint8_t key_r[SECRET_BOX_KEY_SIZE], char *why,
			size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT ? make_key(path, key_r, why, why_size)
				       : fail(-ERR_IO, why, why_size, path, strerror(errno));
	err = read_key(fd, path, key_r, why, why_size);
	(void)close(fd);
	return err;
}
