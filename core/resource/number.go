package resource

import (
	"bytes"
	"math"
	"strconv"
)

// This file: numbers. JSON has one kind of number, so 8080, 8080.0 and 8.08e3 are the same value, and clients that hold
// numbers as floating point write the latter two. Any spelling of a whole number is taken for an integer; specs keep the
// value and are stored with the plain spelling.

// decimal is a number in one form only: digits × 10^exponent, digits without zeros at either end; zero has no digits.
type decimal struct {
	negative bool
	digits   []byte
	exponent int // saturates at ±maxExponent
}

// maxExponent is far beyond any number that could be meant.
const maxExponent = math.MaxInt32

// parseDecimal reads a literal in JSON's grammar.
func parseDecimal(literal []byte) decimal {
	var d decimal
	if literal[0] == '-' {
		d.negative, literal = true, literal[1:]
	}
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		d.exponent = parseExponent(string(literal[i+1:]))
		literal = literal[:i]
	}
	whole, fraction, _ := bytes.Cut(literal, []byte{'.'})
	digits := append(bytes.Clone(whole), fraction...)
	d.exponent -= len(fraction)
	digits = bytes.TrimLeft(digits, "0")
	d.digits = bytes.TrimRight(digits, "0")
	d.exponent += len(digits) - len(d.digits)
	if len(d.digits) == 0 {
		return decimal{} // also -0: JSON has no use for a negative zero among integers
	}
	return d
}

func parseExponent(s string) int {
	e, err := strconv.Atoi(s)
	if err != nil || e > maxExponent || e < -maxExponent {
		if s[0] == '-' {
			return -maxExponent
		}
		return maxExponent
	}
	return e
}

// whole says whether the number has no fraction.
func (d decimal) whole() bool { return d.exponent >= 0 }

// int64 is the number, and false if it is not whole or too large.
func (d decimal) int64() (int64, bool) {
	if len(d.digits) == 0 {
		return 0, true
	}
	const most = 19 // digits of the largest int64
	if !d.whole() || len(d.digits)+d.exponent > most {
		return 0, false
	}
	b := make([]byte, 0, most+1)
	if d.negative {
		b = append(b, '-')
	}
	b = append(append(b, d.digits...), bytes.Repeat([]byte{'0'}, d.exponent)...)
	i, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, false
	}
	return i, true
}

// append writes the one form that equal numbers share.
func (d decimal) append(dst []byte) []byte {
	if i, ok := d.int64(); ok {
		return strconv.AppendInt(dst, i, 10)
	}
	if d.negative {
		dst = append(dst, '-')
	}
	dst = append(dst, d.digits...)
	return strconv.AppendInt(append(dst, 'e'), int64(d.exponent), 10)
}
