/*
 * fault.h - named points at which a test makes the world fail or the process die.
 *
 * A point costs one relaxed load while nothing is armed. Armed by a test or, in programs, from
 * the environment: ASOF_FAULT="lake.commit.link=fail" or "lake.commit.link:3=kill" (third time),
 * several separated by ",". `kill` is SIGKILL to ourselves, `interrupt` SIGINT. Thread-safe.
 */
#ifndef ASOF_FAULT_H
#define ASOF_FAULT_H

#include "base/base.h"

enum asof_fault_action { ASOF_FAULT_FAIL, ASOF_FAULT_KILL, ASOF_FAULT_INTERRUPT };

/* ASOF_IO "injected fault at '<name>'" when armed, else ASOF_OK. An interrupt is no failure: who
 * handles the signal has been told when this returns. */
ASOF_NODISCARD enum asof_status asof_fault_point(const char *name, struct asof_error *err);

/* Arm `name` for its nth passing from now (1-based); a point may be armed once. */
ASOF_NODISCARD enum asof_status asof_fault_arm(const char *name, unsigned nth,
					       enum asof_fault_action action,
					       struct asof_error *err);
/* Arm what ASOF_FAULT says; nothing when it is unset. */
ASOF_NODISCARD enum asof_status asof_fault_arm_from_env(struct asof_error *err);
void asof_fault_disarm_all(void);

#endif
