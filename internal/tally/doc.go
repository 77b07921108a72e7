// Package tally counts the samples that a job made, by verdict and by domain: the
// funnel of a stage that drops nothing. Whoever made the samples, the agent counts them.
package tally
