/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_MRFCTL_PRINT_H
#define MRFC_ADMIN_MRFCTL_PRINT_H

#include <jansson.h>
#include <stdio.h>

/*
 * What mrfctl shows of the admin API's answers. Texts may come from anybody: control characters
 * are shown as "?".
 */
void mrfctl_print_conferences(FILE *out, const json_t *answer);
void mrfctl_print_conference(FILE *out, const json_t *answer);
void mrfctl_print_bans(FILE *out, const json_t *answer);
void mrfctl_print_mrfps(FILE *out, const json_t *answer);

#endif
