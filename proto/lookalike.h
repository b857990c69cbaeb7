/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_LOOKALIKE_H
#define PROTO_LOOKALIKE_H

#include <stdint.h>

/* The small Latin letter that a code point may be taken for, or the code point itself. */
uint32_t lookalike(uint32_t cp);

#endif
