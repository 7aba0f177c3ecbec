/* SPDX-License-Identifier: Apache-2.0
 *
 * prompt - see prompt.h.
 */
#include "cmd/htpasswd/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/banned.h"

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* ---- the terminal, silent for a while ---- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

struct silence {
    int fd;
    bool has_terminal;
    struct termios before;
    struct sigaction handlers[array_count(signals)];
};

/* A signal ends the read that waits, not the program: the echo must come back. */
static void silence_begin(struct silence *silence, int fd)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct termios quiet;

    silence->fd = fd;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < array_count(signals); i++)
        sigaction(signals[i], &action, &silence->handlers[i]);
    silence->has_terminal = tcgetattr(fd, &silence->before) == 0;
    if (!silence->has_terminal)
        return;
    quiet = silence->before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
}

static void silence_end(const struct silence *silence)
{
    if (silence->has_terminal)
        tcsetattr(silence->fd, TCSAFLUSH, &silence->before);
    for (size_t i = 0; i < array_count(signals); i++)
        sigaction(signals[i], &silence->handlers[i], NULL);
}

/* ---- reading ---- */

static void say(int fd, const char *text)
{
    ssize_t ignored = write(fd, text, strlen(text));

    (void)ignored;
}

/* Up to a newline, which is left out, or the end of the input. */
static enum prompt_result read_line(int fd, struct str *out)
{
    for (bool is_first = true;; is_first = false) {
        char c;
        ssize_t count = read(fd, &c, 1);

        if (is_interrupted)
            return PROMPT_INTERRUPTED;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || (count == 0 && is_first))
            return PROMPT_FAILED;
        if (count == 0 || c == '\n')
            return PROMPT_FINE;
        str_append_char(out, c);
    }
}

enum prompt_result prompt_ask(const char *question, struct str *out)
{
    auto_close int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    int from = tty >= 0 ? tty : STDIN_FILENO;
    int to = tty >= 0 ? tty : STDERR_FILENO;
    struct silence silence;
    enum prompt_result result;

    errno = 0;
    silence_begin(&silence, from);
    say(to, question);
    result = read_line(from, out);
    say(to, "\n");
    silence_end(&silence);
    return result;
}

/* Removes "\n" or "\r\n" from the end, as Apache's program does. */
static void cut_line_end(struct str *str)
{
    if (str->len > 0 && str->data[str->len - 1] == '\n')
        str->data[--str->len] = '\0';
    else
        return;
    if (str->len > 0 && str->data[str->len - 1] == '\r')
        str->data[--str->len] = '\0';
}

enum prompt_result prompt_stdin(struct str *out)
{
    char buffer[512];

    while (!str_overflowed(out)) {
        ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return PROMPT_FAILED;
        if (count == 0)
            break;
        str_append(out, span_make(buffer, (size_t)count));
    }
    explicit_bzero(buffer, sizeof(buffer));
    cut_line_end(out);
    return PROMPT_FINE;
}
