// Package chat asks a model behind an OpenAI-compatible endpoint for chat
// completions, or for embeddings: one request, one answer, within the endpoint's rates and over its
// outages. What can never succeed is a Failure with a class and a name; what the
// endpoint will not answer for this one request is Refused.
//
// It knows nothing of rows, and keeps nothing: see package generate.
package chat
