#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "models/memory/cache/cache.hpp"

namespace triad::memory::cache {

/// The truth, and a picture of the cache that is kept from what the cache says happened and nothing else.
class Oracle : public Observer {
 public:
  Oracle(const Parameters& p, std::uint64_t bytes) : p_(p), memory(bytes), truth_(bytes) {}

  void taken(const Packet& request) override {
    Access access{request, std::vector<std::uint32_t>(request.bytes), next_++};
    for (std::uint32_t i = 0; i < request.bytes; ++i) {
      std::uint32_t& byte = truth_[request.address + i];
      if (request.write) byte = static_cast<std::uint32_t>(request.id + 1);
      access.values[i] = byte;
    }
    accesses_.emplace(request.id, std::move(access));
  }

  void applied(const Packet& request, bool goes_on, std::uint64_t id) override {
    Access& access = accesses_.at(request.id);
    EXPECT_FALSE(access.applied);
    for (const auto& [other_id, other] : accesses_) {
      if (!other.applied && other.order < access.order) {
        EXPECT_FALSE(share_a_sector(other.packet, request)) << "an earlier access has not taken effect";
      }
    }
    access.applied = true;
    access.goes_on = goes_on;
    const bool through = p_.write == WritePolicy::through;
    EXPECT_TRUE(goes_on || !request.write || !through);
    if (!request.write) {
      EXPECT_FALSE(goes_on);
      for (std::uint32_t i = 0; i < request.bytes; ++i) {
        const Byte byte = byte_at(request.address + i);
        EXPECT_TRUE(byte.present) << "read of a byte that is not here";
        EXPECT_EQ(byte.value, access.values[i]) << "read of byte " << request.address + i;
      }
      return;
    }
    if (goes_on) {
      EXPECT_TRUE(sent_on_.emplace(id, access).second);
    }
    const bool kept_whole = p_.write_allocate;
    // Which sectors are there is decided before the write changes it.
    std::vector<bool> keeps(request.bytes);
    for (std::uint32_t i = 0; i < request.bytes; ++i) keeps[i] = kept_whole || has_sector(request.address + i);
    if (!through && !kept_whole) {
      EXPECT_EQ(goes_on, std::count(keeps.begin(), keeps.end(), false) != 0);
    }
    for (std::uint32_t i = 0; i < request.bytes; ++i) {
      if (!keeps[i]) continue;
      Byte& byte = lines_[line_of(request.address)][request.address + i];
      byte = {true, byte.dirty || !goes_on, access.values[i]};
    }
  }

  void filled(std::uint64_t address, std::uint64_t bytes) override {
    const auto fill = fills.find(address);
    ASSERT_NE(fill, fills.end()) << "a fill that nobody sent";
    ASSERT_EQ(fill->second.size(), bytes);
    for (std::uint64_t i = 0; i < bytes; ++i) {
      Byte& byte = lines_[line_of(address)][address + i];
      if (!byte.present) byte = {true, false, fill->second[i]};
    }
    fills.erase(fill);
  }

  void written_back(std::uint64_t line) override {
    std::map<std::uint64_t, std::uint32_t> bytes;
    for (auto& [address, byte] : lines_.at(line)) {
      if (is_dirty_sector(address)) bytes[address] = byte.value;  // all of it that is here
    }
    EXPECT_FALSE(bytes.empty());
    for (auto& [address, byte] : lines_.at(line)) byte.dirty = false;
    written_back_[line].push_back(std::move(bytes));
  }

  void dropped(std::uint64_t line) override {
    for (const auto& [address, byte] : lines_[line]) EXPECT_FALSE(byte.dirty) << "dirty bytes are lost";
    lines_.erase(line);
  }

  /// The memory below serves a packet. Returns what a read gets.
  std::vector<std::uint32_t> serve(const Packet& packet) {
    std::vector<std::uint32_t> values;
    if (!packet.write) {
      values.assign(memory.begin() + static_cast<std::ptrdiff_t>(packet.address),
                    memory.begin() + static_cast<std::ptrdiff_t>(packet.address + packet.bytes));
      return values;
    }
    const auto on = sent_on_.find(packet.id);
    if (on != sent_on_.end()) {
      EXPECT_EQ(on->second.packet.address, packet.address);
      EXPECT_EQ(on->second.packet.bytes, packet.bytes);
      for (std::uint32_t i = 0; i < packet.bytes; ++i) memory[packet.address + i] = on->second.values[i];
      sent_on_.erase(on);
      return values;
    }
    auto& queue = written_back_[line_of(packet.address)];
    EXPECT_FALSE(queue.empty()) << "a write that nobody made";
    if (queue.empty()) return values;
    for (std::uint64_t address = packet.address; address < packet.address + packet.bytes; ++address) {
      const auto byte = queue.front().find(address);
      EXPECT_NE(byte, queue.front().end()) << "byte " << address << " is written back without having been dirty";
      if (byte == queue.front().end()) continue;
      memory[address] = byte->second;
      queue.front().erase(byte);
    }
    if (queue.front().empty()) queue.pop_front();
    return values;
  }

  /// The requester sees a reply.
  void answered(const Packet& reply, Cycle now) {
    const auto found = accesses_.find(reply.id);
    ASSERT_NE(found, accesses_.end()) << "an answer to nothing, or a second one";
    EXPECT_TRUE(found->second.applied);
    EXPECT_EQ(found->second.packet.address, reply.address);
    EXPECT_TRUE(reply.reply);
    if (found->second.goes_on) {
      for (const auto& [id, write] : sent_on_) EXPECT_NE(write.packet.id, reply.id) << "answered before below has it";
    } else {
      for (const auto& [id, other] : accesses_) {
        if (other.order < found->second.order && !other.goes_on) {
          EXPECT_FALSE(share_a_sector(other.packet, reply)) << "answered before an earlier access to its sector";
        }
      }
    }
    accesses_.erase(found);
    log.push_back({reply.id, now});
  }

  void compare(const Directory& directory) const {
    for (std::uint64_t sector = 0; sector < memory.size(); sector += p_.sector) {
      bool dirty = false;
      for (std::uint64_t address = sector; address < sector + p_.sector; ++address) {
        EXPECT_EQ(directory.has(address, 1), byte_at(address).present) << "byte " << address;
        dirty |= byte_at(address).dirty;
      }
      EXPECT_EQ(directory.has_dirty(sector, p_.sector), dirty) << "sector at " << sector;
    }
  }

  /// A flush is done: memory holds all that was written.
  void flushed() const {
    EXPECT_TRUE(sent_on_.empty());
    for (const auto& [line, queue] : written_back_) EXPECT_TRUE(queue.empty()) << "of line " << line;
    EXPECT_EQ(memory, truth_);
  }
  bool all_answered() const { return accesses_.empty(); }

  std::map<std::uint64_t, std::vector<std::uint32_t>> fills;  ///< under way to the cache, by address
  std::vector<std::pair<std::uint64_t, Cycle>> log;           ///< replies

 private:
  struct Access {
    Packet packet;
    std::vector<std::uint32_t> values;  ///< that a read is to get, that a write brings
    std::uint64_t order;
    bool applied = false, goes_on = false;
  };
  struct Byte {
    bool present = false, dirty = false;
    std::uint32_t value = 0;
  };
  std::uint64_t line_of(std::uint64_t address) const { return address / p_.line * p_.line; }
  Byte byte_at(std::uint64_t address) const {
    const auto line = lines_.find(line_of(address));
    if (line == lines_.end()) return {};
    const auto byte = line->second.find(address);
    return byte == line->second.end() ? Byte{} : byte->second;
  }
  bool has_sector(std::uint64_t address) const {
    const std::uint64_t begin = address / p_.sector * p_.sector;
    for (std::uint64_t i = 0; i < p_.sector; ++i) {
      if (!byte_at(begin + i).present) return false;
    }
    return true;
  }
  bool is_dirty_sector(std::uint64_t address) const {
    const std::uint64_t begin = address / p_.sector * p_.sector;
    for (std::uint64_t i = 0; i < p_.sector; ++i) {
      if (byte_at(begin + i).dirty) return true;
    }
    return false;
  }
  bool share_a_sector(const Packet& a, const Packet& b) const {
    return a.address / p_.sector <= (b.address + b.bytes - 1) / p_.sector &&
           b.address / p_.sector <= (a.address + a.bytes - 1) / p_.sector;
  }

  Parameters p_;

 public:
  std::vector<std::uint32_t> memory;  ///< below

 private:
  std::vector<std::uint32_t> truth_;  ///< what a memory without a cache would hold, in order of acceptance
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Access> accesses_;                      ///< not answered, by id
  std::map<std::uint64_t, Access> sent_on_;                       ///< writes under way, by id below
  std::map<std::uint64_t, std::map<std::uint64_t, Byte>> lines_;  ///< in the cache
  std::map<std::uint64_t, std::deque<std::map<std::uint64_t, std::uint32_t>>> written_back_;  ///< under way, by line
};

}  // namespace triad::memory::cache
