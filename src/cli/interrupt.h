/*
 * interrupt.h - SIGINT, SIGTERM and SIGHUP. State of the process: signals have no other place.
 *
 * The first signal asks whoever watches to stop; without a watcher the process ends at once. The
 * second one, or a job that does not stop in time, ends the process: everything that asof publishes
 * is one atomic commit, so that nothing is half done.
 */
#ifndef ASOF_CLI_INTERRUPT_H
#define ASOF_CLI_INTERRUPT_H

#include "base/base.h"

/* Handle the first two, ignore SIGPIPE; SIGHUP's default stays. Once, before other threads. */
void asof_interrupt_install(void);
/* From now on a signal calls stop(arg), which must be safe in a signal handler. has_deadline: the
 * process ends if that has not led to asof_interrupt_unwatch() within a second. */
void asof_interrupt_watch(void (*stop)(void *arg), void *arg, bool has_deadline);
/* Nobody is called any more when this returns; the deadline is off. */
void asof_interrupt_unwatch(void);
/* From now on SIGHUP calls reload(arg), which must be safe in a signal handler; NULL: it is
 * ignored, and nobody is called any more when this returns. */
void asof_interrupt_reload_with(void (*reload)(void *arg), void *arg);
/* What a handler erases before the process ends: erase(arg), safe in a signal handler. Once. */
void asof_interrupt_erase_with(void (*erase)(void *arg), void *arg);

#endif
