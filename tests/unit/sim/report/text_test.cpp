#include "sim/report/text.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace triad::report {
namespace {

TEST(Figures, CarrySiPrefixes) {
  EXPECT_EQ(si(1.234e-3, "s"), "1.234 ms");
  EXPECT_EQ(si(0, "J"), "0 J");
  EXPECT_EQ(si(61.5e12, "FLOPS"), "61.5 TFLOPS");
  EXPECT_EQ(si(999.96, "W"), "1 kW");  // never "1000 W"
  EXPECT_EQ(si(1, "s"), "1 s");
  EXPECT_EQ(si(0.9999999, "s"), "1 s");
  EXPECT_EQ(si(-2.5e-12, "J"), "-2.5 pJ");
  EXPECT_EQ(si(1e-30, "J"), "1e-12 aJ");
  EXPECT_EQ(si(640, ""), "640");
  EXPECT_EQ(si(1300, ""), "1.3 k");
}

TEST(Figures, CountsAreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Figures, RatiosKeepThreeDigits) {
  EXPECT_EQ(percent(0.98231), "98.2 %");
  EXPECT_EQ(percent(0.9999), "100 %");
  EXPECT_EQ(percent(1.5), "150 %");
  EXPECT_EQ(percent(1.23e-5), "0.00123 %");
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(NAN), "-");
  EXPECT_EQ(times(3.14159), "3.14 times");
  EXPECT_EQ(times(18234), "18,234 times");
}

TEST(Text, IsCutAndWrappedByColumnsNotBytes) {
  EXPECT_EQ(columns("µs"), 2u);
  EXPECT_EQ(shortened("µµµµ", 3), "µµ~");
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(wrapped("one two three", 8), "one two\nthree\n");
  EXPECT_EQ(wrapped("about 50 % of it", 8), "about\n50 % of\nit\n");
  EXPECT_EQ(wrapped("one two three", 8, 2), "one two\n  three\n");
  EXPECT_EQ(entry("name", "one two three", 30), "  name  one two three\n");
  EXPECT_EQ(entry("name", "", 30), "  name\n");
}

TEST(Table, GivesUpColumnsBeforeItCutsNames) {
  Table table({{"name", false, 0}, {"kind", false, 2}, {"phase", false, 1}, {"cycles", true, 0}});
  table.add({"fc1.matmul", "matmul", "forward", "1,234"});
  EXPECT_EQ(table.text(80), "name        kind    phase    cycles\nfc1.matmul  matmul  forward   1,234\n");
  EXPECT_EQ(table.text(30), "name        phase    cycles\nfc1.matmul  forward   1,234\n");
  EXPECT_EQ(table.text(20), "name        cycles\nfc1.matmul   1,234\n");
  EXPECT_EQ(table.text(16), "name      cycles\nfc1.mat~   1,234\n");
}

TEST(Table, BreaksItsLastTextInItsColumn) {
  Table table({{"", false, 0}, {"", false, 0, true}});
  table.add({"name", "one two three four five six seven"});
  EXPECT_EQ(table.text(80), "name  one two three four five six seven\n");
  EXPECT_EQ(table.text(30), "name  one two three four five\n      six seven\n");
}

}  // namespace
}  // namespace triad::report
