#include "sim/report/support_report.hpp"

#include <gtest/gtest.h>

namespace triad::report {
namespace {

using graph::Phase;

const std::vector<Support> answers = {
    {"conv2d", "", Phase::forward, "one", ""},
    {"conv2d", "", Phase::backward, "one", ""},
    {"conv2d", "", Phase::forward, "two", ""},
    {"conv2d", "", Phase::backward, "two", "no gradients, sorry"},
    {"conv2d", "stride", Phase::forward, "one", ""},
    {"conv2d", "stride", Phase::backward, "one", ""},
    {"conv2d", "stride", Phase::forward, "two", ""},
    {"conv2d", "stride", Phase::backward, "two", "no gradients, sorry"},
    {"conv2d", "fp16", Phase::forward, "one", ""},
    {"conv2d", "fp16", Phase::forward, "two", "bf16 only"},
    {"sgd", "", Phase::update, "one", ""},
    {"sgd", "", Phase::update, "two", "no gradients, sorry"},
};

TEST(SupportReport, Table) {
  EXPECT_EQ(support_table(answers, 80),
            "op             phase     one  two           the same\n"
            "conv2d         fwd, bwd  yes  forward only  stride\n"
            "conv2d (fp16)  fwd       yes  no\n"
            "sgd            update    yes  no\n"
            "\n"
            "two: no gradients, sorry\n"
            "conv2d backward, conv2d (stride) backward, sgd update\n"
            "\n"
            "two: bf16 only\n"
            "conv2d (fp16) forward\n");
}

TEST(SupportReport, PhasesInFullWhereThereIsRoom) {
  EXPECT_TRUE(support_table(answers, 100)
                  .starts_with("op             phase              one  two           the same\n"
                               "conv2d         forward, backward  yes  forward only  stride\n"));
  // 13 + 8 + 3 + 12 columns and three gaps of 2 are 42: the op gives up 2, the phase stays.
  const std::string narrow = support_table(answers, 40);
  EXPECT_TRUE(
      narrow.starts_with("op           phase     one  two\n"
                         "conv2d       fwd, bwd  yes  forward only\n"
                         "conv2d (fp~  fwd       yes  no\n"))
      << narrow;
}

TEST(SupportReport, VariantsOfOtherPhasesStandApart) {
  const std::string table = support_table({{"add", "", Phase::forward, "one", ""},
                                           {"add", "broadcast", Phase::forward, "one", ""},
                                           {"add", "broadcast", Phase::backward, "one", ""}},
                                          80);
  EXPECT_EQ(table,
            "op               phase     one  the same\n"
            "add              fwd       yes\n"
            "add (broadcast)  fwd, bwd  yes\n");
}

TEST(SupportReport, Csv) {
  const std::string csv = support_csv(answers);
  EXPECT_TRUE(csv.starts_with("op,variant,phase,device,supported,reason\nconv2d,,forward,one,yes,\n"));
  EXPECT_NE(csv.find("\nsgd,,update,two,no,\"no gradients, sorry\"\n"), std::string::npos);
}

TEST(SupportReport, Json) {
  const std::string json = support_json({answers[9]});
  EXPECT_EQ(json,
            "[\n  {\n    \"op\": \"conv2d\",\n    \"variant\": \"fp16\",\n    \"phase\": \"forward\",\n    \"device\": "
            "\"two\",\n    \"supported\": false,\n    \"reason\": \"bf16 only\"\n  }\n]\n");
  EXPECT_NE(support_json({answers[0]}).find("\"supported\": true,\n    \"reason\": null"), std::string::npos);
}

}  // namespace
}  // namespace triad::report
