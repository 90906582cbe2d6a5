#include "models/memory/cache/parameters.hpp"

#include <fmt/core.h>

#include "models/memory/cache/byte_mask.hpp"

namespace triad::memory::cache {
namespace {

using config::Node;
using config::Quantity;

std::uint64_t bytes_of(const Node& node) {
  return static_cast<std::uint64_t>(node.quantity(Quantity::bytes));
}

std::uint64_t power_of_two(const Node& node, std::uint64_t least, std::uint64_t most) {
  const std::uint64_t bytes = bytes_of(node);
  if (!std::has_single_bit(bytes) || bytes < least || bytes > most) {
    node.fail(fmt::format("must be a power of two from {} to {} B", least, most));
  }
  return bytes;
}

void read_geometry(const Node& node, Parameters& p) {
  p.line = power_of_two(node.at("line"), 8, ByteMask::most_bytes);
  p.sector = power_of_two(node.at("sector"), std::max<std::uint64_t>(4, p.line / 32), p.line);
  p.ways = static_cast<int>(node.at("ways").integer(1, 1024));
  p.size = bytes_of(node.at("size"));
  const std::uint64_t set_bytes = static_cast<std::uint64_t>(p.ways) * p.line;
  if (p.size < set_bytes || p.size % set_bytes != 0) {
    node.at("size").fail(fmt::format("must be a multiple of ways x line, {} B", set_bytes));
  }
  constexpr std::uint64_t most = std::uint64_t{1} << 31;  // places are counted in an int
  if (p.size > most) node.at("size").fail("must be at most 2 GiB");
  p.hashed = node.at("hash").choice({"xor", "none"}) == "xor";
  p.replacement = node.at("replacement").choice({"lru", "fifo"}) == "lru" ? Replacement::lru : Replacement::fifo;
  p.banks = static_cast<int>(node.at("banks").integer(1, 1024));
  if (p.sets() % static_cast<std::uint64_t>(p.banks) != 0) {
    node.at("banks").fail(fmt::format("must divide the number of sets, {}", p.sets()));
  }
  p.bank_width = bytes_of(node.at("bank_width"));
  if (p.bank_width % p.sector != 0) {
    node.at("bank_width").fail(fmt::format("must be a multiple of a sector, {} B", p.sector));
  }
  p.ports = static_cast<int>(node.at("ports").integer(1, 64));
}

}  // namespace

Parameters Parameters::read(const Node& node) {
  Parameters p;
  read_geometry(node, p);
  p.write = node.at("write").choice({"back", "through"}) == "back" ? WritePolicy::back : WritePolicy::through;
  p.write_allocate = node.at("write_allocate").boolean();
  if (p.write_allocate) {
    p.partial_write =
        node.at("partial_write").choice({"fetch", "mask"}) == "fetch" ? PartialWrite::fetch : PartialWrite::mask;
  }
  const auto cycles = [&](const char* key, std::int64_t least) {
    return static_cast<Cycle>(node.at(key).integer(least, 100'000));
  };
  p.tag_latency = cycles("tag_latency", 1);
  p.data_latency = cycles("data_latency", 0);
  p.fill_latency = cycles("fill_latency", 0);
  if (p.fill_latency > p.hit_latency()) {
    node.at("fill_latency").fail(fmt::format("must not be longer than a hit takes, {} cycles", p.hit_latency()));
  }
  const Node mshrs = node.at("mshrs"), queues = node.at("queues");
  const auto places = [](const Node& map, const char* key) {
    return static_cast<int>(map.at(key).integer(1, 1 << 16));
  };
  p.mshrs = places(mshrs, "entries");
  p.merges = places(mshrs, "merges");
  p.reply_queue = places(queues, "replies");
  p.miss_queue = places(queues, "misses");
  p.writeback_queue = places(queues, "writebacks");
  p.writes = places(queues, "writes");
  return p;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe(const std::string& name) const {
  const char* partial = !write_allocate                       ? "not allocated"
                        : partial_write == PartialWrite::mask ? "parts of sectors kept with a byte mask"
                                                              : "sectors fetched for a part";
  return {{name + " size", fmt::format("{:.4g} KiB, {} sets x {} ways x {} B, sectors of {} B",
                                       static_cast<double>(size) / 1024, sets(), ways, line, sector)},
          {name + " sets", fmt::format("{}, {}", hashed ? "by XOR of address bits" : "by address modulo sets",
                                       replacement == Replacement::lru ? "LRU" : "FIFO")},
          {name + " writes", fmt::format("write-{}, {}", write == WritePolicy::back ? "back" : "through", partial)},
          {name + " banks", fmt::format("{} x {} B a cycle, {} ports", banks, bank_width, ports)},
          {name + " latency", fmt::format("hit {} cycles (tag {}, data {}), fill to reply {}", hit_latency(),
                                          tag_latency, data_latency, fill_latency)},
          {name + " misses under way", fmt::format("{} lines x {} accesses, {} writes", mshrs, merges, writes)},
          {name + " queues",
           fmt::format("{} replies, {} misses, {} write-backs", reply_queue, miss_queue, writeback_queue)}};
}

}  // namespace triad::memory::cache
