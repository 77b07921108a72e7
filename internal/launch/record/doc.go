// Package record keeps what a launcher knows of an attempt as small JSON files in
// the attempt's folder, <root>/<run>/<stage>/<job>/<attempt>/.
package record
