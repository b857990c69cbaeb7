/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the control protocol's commands and results, made from ctl_msgs.def for logs and tools.
 */
#include "proto/ctl_msgs.h"

const char *ctl_command_name(int command)
{
	switch (command) {
#define CTL_COMMAND(number, name, direction, text)                                                 \
	case CTL_CMD_##name:                                                                       \
		return #name;
#include "proto/ctl_msgs.def"
	default:
		return NULL;
	}
}

const char *ctl_result_name(int result)
{
	switch (result) {
#define CTL_RESULT(number, name, text)                                                             \
	case CTL_R_##name:                                                                         \
		return #name;
#include "proto/ctl_msgs.def"
	default:
		return NULL;
	}
}
