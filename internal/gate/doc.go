// Package gate reads the conditions of a stage's gate and judges them by numbers
// of stages that are done, such as
//
//	eval-zero.pass@1 >= eval-base.pass@1 + 0.05 beyond noise
//
// It knows where no number comes from, and does no I/O.
package gate
