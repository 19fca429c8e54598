# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""C++ names that may explode, in a process of their own; the compiled form of
`crashsym.demangle.apart`.

They are collected and asked all at once. The process is forked when all names are there, so that
it knows them, and leaves the answers in memory that both have.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strlen

from crashsym.kernel.base cimport Array, Memory, Span, give_back, reserve
from crashsym.kernel.demangling cimport LONGEST_NAME
from crashsym.kernel.memory cimport hide_from_forks, show_to_fork, show_to_forks
from crashsym.kernel.strings cimport NO_STRING, Strings

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/prctl.h>
    #include <sys/resource.h>
    #include <sys/time.h>
    #include <sys/wait.h>
    #include <time.h>
    #include <unistd.h>
    extern char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status);

    static void *crashsym_share(size_t size) {
        void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return shared == MAP_FAILED ? NULL : shared;
    }
    static void crashsym_lower(int kind, rlim_t limit) {
        struct rlimit now;
        if (getrlimit(kind, &now) == 0 && (now.rlim_cur == RLIM_INFINITY || limit < now.rlim_cur)) {
            now.rlim_cur = limit;
            setrlimit(kind, &now);
        }
    }
    /* Make this process one that is limited to ``more`` bytes on top of what it has and to some
       processor time, that ends by signals, and with its parent. */
    static void crashsym_limit(uint64_t more, uint64_t seconds, pid_t parent) {
        static const int endings[] = {SIGPROF, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU};
        char text[32] = "";
        sigset_t none;
        size_t i;
        int statm = open("/proc/self/statm", O_RDONLY);
        if (statm < 0 || read(statm, text, sizeof(text) - 1) < 1)
            _exit(1);
        for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
            signal(endings[i], SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(statm);
        for (i = 0; i < 3; i++)
            close((int)i); /* whoever waits for the end of output need not wait for this one */
        crashsym_lower(RLIMIT_AS, strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + more);
        crashsym_lower(RLIMIT_CPU, seconds);
        crashsym_lower(RLIMIT_CORE, 0);
    }
    /* End this process after so many microseconds of its time, and up to a tick of the clock. */
    static void crashsym_end_after(uint64_t microseconds) {
        struct itimerval timer = {{0, 0}, {0, 0}};
        timer.it_value.tv_sec = (time_t)(microseconds / 1000000);
        timer.it_value.tv_usec = (suseconds_t)(microseconds % 1000000);
        setitimer(ITIMER_PROF, &timer, NULL);
    }
    /* Return the time that this process has used, in microseconds. */
    static uint64_t crashsym_now(void) {
        struct timespec used;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
    }
    /* Wait for a process; return 0 if a signal that wants to be heard comes before. */
    static int crashsym_wait(pid_t process) {
        int heard = 1;
        while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
            if (heard && PyErr_CheckSignals()) {
                PyErr_Clear();
                PyErr_SetInterrupt(); /* it is raised where Python goes on */
                kill(process, SIGKILL);
                heard = 0;
            }
        return heard;
    }
    """
    char* __cxa_demangle(const char* name, char* buffer, size_t* length, int* status) nogil
    void* share_memory "crashsym_share"(size_t size) noexcept nogil
    void limit_process "crashsym_limit"(uint64_t more, uint64_t seconds, int parent) noexcept nogil
    void end_after "crashsym_end_after"(uint64_t microseconds) noexcept nogil
    uint64_t time_used "crashsym_now"() noexcept nogil
    bint wait_for "crashsym_wait"(int process) noexcept
    int getpid() noexcept nogil
    int munmap(void* start, size_t size) noexcept nogil
    int fork() noexcept nogil
    void _exit(int code) noexcept nogil

cdef enum:  # see `crashsym.demangle.apart`
    PROCESS_MEMORY = 24 << 20  # bytes
    LIFE = 250_000  # microseconds, and
    EACH_BYTE = 2  # for each byte of a name, but never more than LIFE together
    PATIENCE = 3
    SHARED = 4 << 20  # bytes


cdef void _show(Array* a) noexcept nogil:
    if a.mapped:
        show_to_fork(a.items, a.mapped)


cdef class Apart:
    """Questions by number, in the order in which they came, and after `run` their answers."""

    def __dealloc__(self):
        give_back(&self.questions)
        give_back(&self.answers)
        give_back(&self.scratch)

    def __init__(self):
        self.names = Strings()

    cdef uint32_t ask(self, Span name) noexcept nogil:
        """Return the number of the question for a name; NO_STRING where there is no memory."""
        cdef Question* question
        cdef uint32_t number
        self.names.memory = self.memory
        number = self.names.add(name.data, name.size, True)
        if number == NO_STRING or number < self.questions.count:
            return number
        if not reserve(&self.questions, 1, sizeof(Question), self.memory) or not reserve(
            &self.scratch, name.size + 1, 1, self.memory  # its count stays 0
        ):
            return NO_STRING
        question = <Question*>self.questions.items + number
        question.answer, question.size = 0, 0
        self.questions.count += 1
        return number

    cdef bint run(self) noexcept:
        """Find the answers; False where that cannot be done, or where memory does not suffice.

        After a few names that explode no more are tried.
        """
        cdef Shared* shared
        cdef uint64_t first = 0
        cdef int patience = PATIENCE
        cdef bint good = True
        if not self.questions.count:
            return True
        shared = <Shared*>share_memory(SHARED)
        if shared == NULL:
            return False
        while good and patience and first < self.questions.count:
            good = self._round(first, shared)
            first += shared.answered if good else 0
            if not shared.full:  # that name has ended it, or it was the last
                first += 1
                patience -= 1
        munmap(shared, SHARED)
        return good

    cdef bint _round(self, uint64_t first, Shared* shared) noexcept:
        """Ask from the question ``first`` on, as long as there is room, and no name explodes."""
        cdef int process, parent = getpid()
        memset(shared, 0, sizeof(Shared))
        hide_from_forks()
        _show(&self.names.text)
        _show(&self.names.entries)
        process = fork()
        if process == 0:
            limit_process(PROCESS_MEMORY, 2 + EACH_BYTE * self.names.text.count // 1_000_000, parent)
            self._serve(first, shared)
            _exit(0)
        show_to_forks()
        if process < 0:
            return False
        return wait_for(process) and self._take(first, shared)

    cdef void _serve(self, uint64_t first, Shared* shared) noexcept nogil:
        """Answer, in the other process."""
        cdef Span name
        cdef char* made
        cdef char* text = <char*>(shared + 1)
        cdef uint32_t size
        cdef uint64_t now = time_used(), armed = now, end = now + LIFE
        end_after(LIFE)
        while first < self.questions.count:
            name = self.names.get(<uint32_t>first)
            now = time_used()
            end = min(end + EACH_BYTE * name.size, now + LIFE)
            if now >= end:
                return
            if now - armed > LIFE // 4:  # not for each name, as the clock adds a tick
                end_after(end - now)
                armed = now
            memcpy(self.scratch.items, name.data, name.size)
            self.scratch.items[name.size] = 0
            made = __cxa_demangle(self.scratch.items, NULL, NULL, NULL)
            size = 0
            if made != NULL and strlen(made) <= LONGEST_NAME:
                size = <uint32_t>strlen(made)
            if sizeof(Shared) + shared.used + 4 + size > SHARED:
                shared.full = True
                return
            memcpy(text + shared.used, &size, 4)
            if size:
                memcpy(text + shared.used + 4, made, size)
            shared.used += 4 + size
            shared.answered += 1
            free(made)
            first += 1

    cdef bint _take(self, uint64_t first, Shared* shared) noexcept nogil:
        """Keep the answers of a round; a process that a name has ended may have left anything."""
        cdef Question* question = <Question*>self.questions.items + first
        cdef const char* text = <const char*>(shared + 1)
        cdef uint64_t left_ = shared.used, _i
        cdef uint32_t size
        if left_ > SHARED - sizeof(Shared) or shared.answered > self.questions.count - first:
            return False
        if not reserve(&self.answers, left_, 1, self.memory):
            return False
        for _i in range(shared.answered):
            if left_ < 4:
                return False
            memcpy(&size, text, 4)
            if size > left_ - 4:
                return False
            question.answer, question.size = self.answers.count, size
            memcpy(self.answers.items + self.answers.count, text + 4, size)
            self.answers.count += size
            text += 4 + size
            left_ -= 4 + size
            question += 1
        return True

    cdef Span answer(self, uint64_t number) noexcept nogil:
        """Return an answer; it is empty where there is none."""
        cdef Question* question = <Question*>self.questions.items + number
        cdef Span text
        text.data = <const uint8_t*>self.answers.items + question.answer
        text.size = question.size
        return text


def ask_all(list names):
    """Return what the process answers to each name, None for nothing; for tests."""
    cdef Memory memory
    cdef Apart apart = Apart()
    cdef Span span, text
    cdef bytes name
    memory.used, memory.limit = 0, 1 << 30
    apart.memory = &memory
    numbers, found = [], []
    for name in names:
        span.data, span.size = name, len(name)
        numbers.append(apart.ask(span))
    if not apart.run():
        raise OSError("no process can be had")
    for number in numbers:
        text = apart.answer(number)
        found.append(text.data[: text.size] if text.size else None)
    return found
