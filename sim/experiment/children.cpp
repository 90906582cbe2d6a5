#include "sim/experiment/children.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <thread>

#include "sim/config/node.hpp"
#include "sim/device/device.hpp"
#include "sim/experiment/transfer.hpp"

namespace triad::experiment {

namespace {

/// First byte of what a child sends: what the rest is.
enum class Outcome : char { result = 'r', input_error = 'i', fault = 'f' };

void send(int to, Outcome outcome, const void* data, std::size_t size) {
  const char head = static_cast<char>(outcome);
  const auto write_all = [&](const char* bytes, std::size_t rest) {
    while (rest > 0) {
      const ssize_t n = ::write(to, bytes, rest);
      if (n < 0 && errno != EINTR) ::_exit(3);  // nobody listens any more
      if (n > 0) bytes += n, rest -= static_cast<std::size_t>(n);
    }
  };
  write_all(&head, 1);
  write_all(static_cast<const char*>(data), size);
}

[[noreturn]] void child(const Task& task, int to) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a stopped comparison leaves nothing running
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const auto fail = [&](Outcome outcome, const std::string& message) {
    send(to, outcome, message.data(), message.size());
  };
  try {
    const auto bytes = encode(task.work());
    send(to, Outcome::result, bytes.data(), bytes.size());
  } catch (const config::Error& error) {
    fail(Outcome::input_error, error.what());
  } catch (const device::Unsupported& error) {
    fail(Outcome::input_error, error.what());
  } catch (const device::Fault& error) {
    fail(Outcome::fault, error.what());
  } catch (const std::exception& error) {
    fail(Outcome::fault, std::string("the simulator failed: ") + error.what());
  }
  std::cout.flush();
  std::fflush(stdout);
  std::fflush(stderr);
  // Not exit(): static objects are the parent's.
  ::_exit(0);
}

struct Child {
  std::size_t task = 0;
  pid_t pid = -1;
  int from = -1;
  std::vector<std::uint8_t> received;
};

Child start(const std::vector<Task>& tasks, std::size_t task) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw device::Fault(fmt::format("cannot open a pipe: {}", std::strerror(errno)));
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t pid = ::fork();
  if (pid < 0) throw device::Fault(fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (pid == 0) {
    ::close(ends[0]);
    child(tasks[task], ends[1]);
  }
  ::close(ends[1]);
  return {task, pid, ends[0], {}};
}

struct Ending {
  std::exception_ptr error;
  device::RunResult result;
};

Ending finish(Child& child, const std::string& name) {
  ::close(child.from);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  const auto fault = [&](const std::string& message) {
    return Ending{std::make_exception_ptr(device::Fault(name + ": " + message)), {}};
  };
  if (WIFSIGNALED(status)) {
    return fault(
        fmt::format("the simulator was stopped by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status))));
  }
  if (child.received.empty())
    return fault(fmt::format("the simulator ended early, with status {}", WEXITSTATUS(status)));
  const auto outcome = static_cast<Outcome>(child.received.front());
  child.received.erase(child.received.begin());
  if (outcome == Outcome::result) return {nullptr, decode(child.received)};
  const std::string message = name + ": " + std::string(child.received.begin(), child.received.end());
  if (outcome == Outcome::input_error) return {std::make_exception_ptr(device::Unsupported(message)), {}};
  return {std::make_exception_ptr(device::Fault(message)), {}};
}

/// A line on a terminal that says what runs, once it has taken a second.
class Progress {
 public:
  explicit Progress(bool wanted) : wanted_(wanted) {}
  ~Progress() { erase(); }
  void show(std::size_t done, std::size_t all, const std::string& running) {
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    if (!wanted_ || seconds < 1) return;
    std::fprintf(stderr, "\r\033[K%zu of %zu done, %.0f s; running %s", done, all, seconds, running.c_str());
    std::fflush(stderr);
    shown_ = true;
  }
  void erase() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
    shown_ = false;
  }

 private:
  bool wanted_, shown_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Reads what has arrived; true when the child has nothing more to say.
bool receive(Child& child) {
  std::uint8_t buffer[65536];
  const ssize_t n = ::read(child.from, buffer, sizeof buffer);
  if (n > 0) child.received.insert(child.received.end(), buffer, buffer + n);
  return n == 0 || (n < 0 && errno != EINTR);
}

}  // namespace

std::vector<device::RunResult> run_in_children(const std::vector<Task>& tasks, bool progress) {
  const std::size_t most = std::max(1u, std::thread::hardware_concurrency());
  constexpr int refresh_milliseconds = 250;
  std::vector<Ending> endings(tasks.size());
  std::vector<Child> running;
  std::size_t started = 0, done = 0;
  Progress line(progress);
  while (done < tasks.size()) {
    while (running.size() < most && started < tasks.size()) running.push_back(start(tasks, started++));
    std::vector<pollfd> polled;
    std::string names;
    for (const Child& child : running) {
      polled.push_back({child.from, POLLIN, 0});
      names += (names.empty() ? "" : ", ") + tasks[child.task].name;
    }
    line.show(done, tasks.size(), names);
    ::poll(polled.data(), polled.size(), refresh_milliseconds);
    for (std::size_t i = running.size(); i-- > 0;) {
      if (polled[i].revents == 0 || !receive(running[i])) continue;
      endings[running[i].task] = finish(running[i], tasks[running[i].task].name);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      ++done;
    }
  }
  line.erase();
  std::vector<device::RunResult> results;
  for (Ending& ending : endings) {
    if (ending.error) std::rethrow_exception(ending.error);
    results.push_back(std::move(ending.result));
  }
  return results;
}

}  // namespace triad::experiment
