#pragma once
#include "models/cosim/verilated.hpp"

namespace triad::rtl {

/// Names the pins of a Verilated `systolic` (any prefix, any shape).
template <class Model>
class SystolicTwin : public cosim::VerilatedTwin<Model> {
 public:
  SystolicTwin(int rows, int columns) {
    auto& pins = this->model();
    const auto in = cosim::Direction::into_core, out = cosim::Direction::out_of_core;
    this->add("weights", in, pins.wgt_valid_i, pins.wgt_ready_o, {{{"data", columns, 16}, pins.wgt_data_i}});
    this->add("rows", in, pins.act_valid_i, pins.act_ready_o,
              {{{"data", rows, 16}, pins.act_data_i}, {{"swap", 1, 1}, pins.act_swap_i}});
    this->add("results", out, pins.res_valid_o, pins.res_ready_i, {{{"data", columns, 32}, pins.res_data_o}});
    this->add_event("accept", pins.accept_o);
    this->add_event("admit", pins.admit_o);
  }
};

}  // namespace triad::rtl
