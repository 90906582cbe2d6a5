#include "models/memory/cache/directory.hpp"

#include <fmt/core.h>

#include "models/memory/cache/set_index.hpp"
#include "sim/device/device.hpp"

namespace triad::memory::cache {
namespace {

/// The bits [begin, end) of 32.
Sectors bits(std::uint64_t begin, std::uint64_t end) {
  return begin >= end ? 0 : static_cast<Sectors>((std::uint64_t{1} << end) - (std::uint64_t{1} << begin));
}

}  // namespace

Directory::Directory(const Parameters& p)
    : line_shift_(std::countr_zero(p.line)),
      sector_shift_(std::countr_zero(p.sector)),
      line_bytes_(p.line),
      sets_(p.sets()),
      ways_(p.ways),
      hashed_(p.hashed),
      lru_(p.replacement == Replacement::lru),
      keeps_masks_(p.write_allocate && p.partial_write == PartialWrite::mask),
      lines_(p.size / p.line, empty),
      stamps_(lines_.size()),
      states_(lines_.size()),
      written_(keeps_masks_ ? lines_.size() : 0) {}

Extent Directory::extent_of(const Packet& packet) const {
  const std::uint64_t begin = packet.address & (line_bytes_ - 1), end = begin + packet.bytes;
  if (packet.bytes == 0 || end > line_bytes_) {
    throw device::Fault(fmt::format("an access to {} bytes at {:#x} is none to one line of {} bytes", packet.bytes,
                                    packet.address, line_bytes_));
  }
  return {packet.address >> line_shift_, begin, end, touched(begin, end), covered(begin, end)};
}

Sectors Directory::touched(std::uint64_t begin, std::uint64_t end) const {
  return bits(begin >> sector_shift_, ((end - 1) >> sector_shift_) + 1);
}

Sectors Directory::covered(std::uint64_t begin, std::uint64_t end) const {
  return bits((begin + (std::uint64_t{1} << sector_shift_) - 1) >> sector_shift_, end >> sector_shift_);
}

std::uint64_t Directory::set_index(std::uint64_t line) const {
  return cache::set_index(line, sets_, hashed_);
}

int Directory::find(std::uint64_t line, std::uint64_t set) const {
  const int first = static_cast<int>(set) * ways_;
  for (int place = first; place < first + ways_; ++place) {
    if (lines_[index(place)] == line) return place;
  }
  return none;
}

int Directory::victim(std::uint64_t set) const {
  const int first = static_cast<int>(set) * ways_;
  int oldest = none;
  for (int place = first; place < first + ways_; ++place) {
    if (is_empty(place)) return place;
    if (at(place).miss != none) continue;
    if (oldest == none || stamps_[index(place)] < stamps_[index(oldest)]) oldest = place;
  }
  return oldest;
}

void Directory::place(int place, std::uint64_t line) {
  drop(place);
  lines_[index(place)] = line;
  stamps_[index(place)] = ++stamp_;
}

void Directory::drop(int place) {
  clean(place);
  lines_[index(place)] = empty;
  at(place) = {};
  if (keeps_masks_) written_[index(place)] = {};
}

Sectors Directory::missing(int place, const Extent& read) const {
  if (place == none) return read.sectors;
  const Line& line = at(place);
  Sectors absent = read.sectors & ~line.valid;
  for (Sectors rest = absent & line.partial; rest != 0; rest &= rest - 1) {
    const auto sector = static_cast<std::uint64_t>(std::countr_zero(rest));
    const std::uint64_t begin = std::max(read.begin, sector << sector_shift_);
    const std::uint64_t end = std::min(read.end, (sector + 1) << sector_shift_);
    if (written_[index(place)].covers(begin, end)) absent &= ~(Sectors{1} << sector);
  }
  return absent;
}

void Directory::write(int place, const Extent& write, bool allocate, bool dirty) {
  Line& line = at(place);
  if (allocate) {
    line.valid |= write.full;
    line.partial &= ~write.full;
    const Sectors parts = write.sectors & ~line.valid;
    if (parts != 0) {
      ByteMask& written = written_[index(place)];
      line.partial |= parts;
      for (Sectors rest = parts; rest != 0; rest &= rest - 1) {
        const auto sector = static_cast<std::uint64_t>(std::countr_zero(rest));
        const std::uint64_t from = sector << sector_shift_, to = (sector + 1) << sector_shift_;
        written.set(std::max(write.begin, from), std::min(write.end, to));
        if (!written.covers(from, to)) continue;
        line.valid |= Sectors{1} << sector;
        line.partial &= ~(Sectors{1} << sector);
      }
    }
  }
  if (dirty) set_dirty(line, line.dirty | (write.sectors & (line.valid | line.partial)));
}

void Directory::fill(int place, Sectors sectors) {
  Line& line = at(place);
  line.valid |= sectors;
  line.partial &= ~sectors;
}

ByteMask Directory::dirty_bytes(int place) const {
  const Line& line = at(place);
  ByteMask dirty = keeps_masks_ && (line.dirty & line.partial) != 0 ? written_[index(place)] : ByteMask{};
  for (std::uint64_t sector = 0; sector << sector_shift_ < line_bytes_; ++sector) {
    const Sectors bit = Sectors{1} << sector;
    const std::uint64_t begin = sector << sector_shift_, end = (sector + 1) << sector_shift_;
    if ((line.dirty & bit & line.valid) != 0) {
      dirty.set(begin, end);
    } else if ((line.dirty & bit) == 0 || (line.partial & bit) == 0) {
      dirty.clear(begin, end);
    }
  }
  return dirty;
}

void Directory::clean(int place) {
  set_dirty(at(place), 0);
}

void Directory::set_dirty(Line& line, Sectors sectors) {
  dirty_lines_ += static_cast<int>(sectors != 0) - static_cast<int>(line.dirty != 0);
  line.dirty = sectors;
}

bool Directory::has(std::uint64_t address, std::uint64_t bytes) const {
  Packet packet;
  packet.address = address;
  packet.bytes = static_cast<std::uint32_t>(bytes);
  const Extent extent = extent_of(packet);
  return missing(find(extent.line, set_of(extent.line)), extent) == 0;
}

bool Directory::has_dirty(std::uint64_t address, std::uint64_t bytes) const {
  Packet packet;
  packet.address = address;
  packet.bytes = static_cast<std::uint32_t>(bytes);
  const Extent extent = extent_of(packet);
  const int place = find(extent.line, set_of(extent.line));
  if (place == none) return false;
  const ByteMask dirty = dirty_bytes(place);
  for (std::uint64_t byte = extent.begin; byte < extent.end; ++byte) {
    if (dirty.covers(byte, byte + 1)) return true;
  }
  return false;
}

}  // namespace triad::memory::cache
