/* interrupt.c - SIGINT and SIGTERM: first ask, then end. SIGHUP: read anew. */
#include "cli/interrupt.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/exit_status.h"

#define DEADLINE_US 900000

/* A signal handler reaches nothing else. */
static struct {
	atomic_uint signal_count;
	atomic_uint running; /* handlers that may call stop */
	_Atomic(void (*)(void *)) stop;
	_Atomic(void *) stop_arg;
	atomic_bool has_deadline;
	_Atomic(void (*)(void *)) reload;
	_Atomic(void *) reload_arg;
	_Atomic(void (*)(void *)) erase;
	_Atomic(void *) erase_arg;
} state;

static void
end_process(void)
{
	static const char message[] = "asof: interrupted\n";
	void (*erase)(void *) = atomic_load(&state.erase);
	if (erase)
		erase(atomic_load(&state.erase_arg));
	ssize_t done = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)done;
	_exit(ASOF_EXIT_INTERRUPTED);
}

static void
set_deadline(suseconds_t us)
{
	struct itimerval timer = { .it_value = { .tv_usec = us } };
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void
on_signal(int number)
{
	int saved_errno = errno;
	if (number == SIGALRM || atomic_fetch_add(&state.signal_count, 1) > 0)
		end_process();
	atomic_fetch_add(&state.running, 1);
	void (*stop)(void *) = atomic_load(&state.stop);
	if (!stop)
		end_process();
	if (atomic_load(&state.has_deadline))
		set_deadline(DEADLINE_US);
	stop(atomic_load(&state.stop_arg));
	atomic_fetch_sub(&state.running, 1);
	errno = saved_errno;
}

static void
on_hangup(int number)
{
	(void)number;
	int saved_errno = errno;
	atomic_fetch_add(&state.running, 1);
	void (*reload)(void *) = atomic_load(&state.reload);
	if (reload)
		reload(atomic_load(&state.reload_arg));
	atomic_fetch_sub(&state.running, 1);
	errno = saved_errno;
}

void
asof_interrupt_install(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigemptyset(&action.sa_mask);
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGALRM, &action, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* A handler on another thread may be in the middle of it. */
static void
await_handlers(void)
{
	while (atomic_load(&state.running) > 0)
		(void)sched_yield();
}

void
asof_interrupt_watch(void (*stop)(void *arg), void *arg, bool has_deadline)
{
	/* Never the new argument with the old function. */
	asof_interrupt_unwatch();
	atomic_store(&state.has_deadline, has_deadline);
	atomic_store(&state.stop_arg, arg);
	atomic_store(&state.stop, stop);
}

void
asof_interrupt_unwatch(void)
{
	atomic_store(&state.stop, NULL);
	await_handlers();
	set_deadline(0);
}

void
asof_interrupt_reload_with(void (*reload)(void *arg), void *arg)
{
	struct sigaction action = { .sa_handler = reload ? on_hangup : SIG_IGN,
				    .sa_flags = SA_RESTART };
	sigemptyset(&action.sa_mask);
	atomic_store(&state.reload, NULL);
	await_handlers();
	atomic_store(&state.reload_arg, arg);
	atomic_store(&state.reload, reload);
	(void)sigaction(SIGHUP, &action, NULL);
}

void
asof_interrupt_erase_with(void (*erase)(void *arg), void *arg)
{
	atomic_store(&state.erase_arg, arg);
	atomic_store(&state.erase, erase);
}
