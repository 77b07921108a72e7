package expr

import (
	"math/big"
	"strings"
)

// Unit is what a quantity is counted in.
type Unit struct {
	Dim    [numDims]int8 // exponents of the base dimensions
	Factor *big.Rat      // of the base unit
	Words  string        // what is counted, where it is no physical unit: "apple"
}

// The base dimensions. Currencies are dimensions of their own.
const (
	dimLength = iota
	dimMass
	dimTime
	dimCurrent
	dimTemperature
	dimAmount
	dimAngle
	dimInformation
	dimDollar
	dimEuro
	dimPound
	dimYen
	dimCelsius
	dimFahrenheit
	dimAny // "units": of whatever is measured
	numDims
)

// Same says that both have one dimension and count one thing.
func (u *Unit) Same(v *Unit) bool { return u.Dim == v.Dim && u.Words == v.Words }

// Generic says that the unit is the word "unit", of any power.
func (u *Unit) Generic() bool { return u.Dim[dimAny] != 0 }

// times multiplies by v to the power n.
func (u *Unit) times(v *Unit, n int) bool {
	if n < -9 || n > 9 || v.Words != "" && (n != 1 || u.Words != "") {
		return false
	}
	for i := range u.Dim {
		u.Dim[i] += v.Dim[i] * int8(n)
		if u.Dim[i] > 20 || u.Dim[i] < -20 {
			return false
		}
	}
	u.Words += v.Words
	f := v.Factor
	if n < 0 {
		f, n = new(big.Rat).Inv(f), -n
	}
	for range n {
		u.Factor = new(big.Rat).Mul(u.Factor, f)
	}
	return true
}

func one() *Unit { return &Unit{Factor: big.NewRat(1, 1)} }

func unitOf(dim int, num, den int64) *Unit {
	u := &Unit{Factor: big.NewRat(num, den)}
	u.Dim[dim] = 1
	return u
}

func derived(num, den int64, dims ...int8) *Unit {
	u := &Unit{Factor: big.NewRat(num, den)}
	copy(u.Dim[:], dims)
	return u
}

// unitWord knows a unit by its name or sign. The signs of one letter count only
// where the text says that they are units, as in 5\text{ m}.
func unitWord(w string) *Unit {
	if u := unitSign(w); u != nil {
		return u
	}
	w = strings.ToLower(w)
	if u := unitName(w); u != nil {
		return u
	}
	if single, ok := strings.CutSuffix(w, "s"); ok {
		if u := unitName(single); u != nil {
			return u
		}
	}
	if noun := countNoun(w); noun != "" {
		return &Unit{Factor: big.NewRat(1, 1), Words: noun}
	}
	return nil
}

// unitSign: case matters here.
func unitSign(w string) *Unit {
	switch w {
	case "m":
		return unitOf(dimLength, 1, 1)
	case "km":
		return unitOf(dimLength, 1000, 1)
	case "dm":
		return unitOf(dimLength, 1, 10)
	case "cm":
		return unitOf(dimLength, 1, 100)
	case "mm":
		return unitOf(dimLength, 1, 1000)
	case "nm":
		return unitOf(dimLength, 1, 1e9)
	case "in":
		return unitOf(dimLength, 254, 10000)
	case "ft":
		return unitOf(dimLength, 3048, 10000)
	case "yd":
		return unitOf(dimLength, 9144, 10000)
	case "mi":
		return unitOf(dimLength, 1609344, 1000)
	case "kg":
		return unitOf(dimMass, 1, 1)
	case "g":
		return unitOf(dimMass, 1, 1000)
	case "mg":
		return unitOf(dimMass, 1, 1e6)
	case "lb", "lbs":
		return unitOf(dimMass, 45359237, 1e8)
	case "oz":
		return unitOf(dimMass, 45359237, 16e8)
	case "s", "sec":
		return unitOf(dimTime, 1, 1)
	case "ms":
		return unitOf(dimTime, 1, 1000)
	case "min":
		return unitOf(dimTime, 60, 1)
	case "h", "hr", "hrs":
		return unitOf(dimTime, 3600, 1)
	case "A":
		return unitOf(dimCurrent, 1, 1)
	case "mA":
		return unitOf(dimCurrent, 1, 1000)
	case "K":
		return unitOf(dimTemperature, 1, 1)
	case "mol":
		return unitOf(dimAmount, 1, 1)
	case "rad":
		return unitOf(dimAngle, 1, 1)
	case "$", "USD":
		return unitOf(dimDollar, 1, 1)
	case "€", "EUR":
		return unitOf(dimEuro, 1, 1)
	case "£", "GBP":
		return unitOf(dimPound, 1, 1)
	case "¥":
		return unitOf(dimYen, 1, 1)
	case "L", "l":
		return derived(1, 1000, 3)
	case "mL", "ml", "cc":
		return derived(1, 1e6, 3)
	case "ha":
		return derived(1e4, 1, 2)
	case "mph":
		return derived(1609344, 3600000, 1, 0, -1)
	case "kph", "kmh":
		return derived(1000, 3600, 1, 0, -1)
	case "N":
		return derived(1, 1, 1, 1, -2)
	case "kN":
		return derived(1000, 1, 1, 1, -2)
	case "J":
		return derived(1, 1, 2, 1, -2)
	case "kJ":
		return derived(1000, 1, 2, 1, -2)
	case "W":
		return derived(1, 1, 2, 1, -3)
	case "kW":
		return derived(1000, 1, 2, 1, -3)
	case "Pa":
		return derived(1, 1, -1, 1, -2)
	case "kPa":
		return derived(1000, 1, -1, 1, -2)
	case "Hz":
		return derived(1, 1, 0, 0, -1)
	case "V":
		return derived(1, 1, 2, 1, -3, -1)
	case "C":
		return derived(1, 1, 0, 0, 1, 1)
	case "B":
		return unitOf(dimInformation, 8, 1)
	}
	return nil
}

func unitName(w string) *Unit {
	switch w {
	case "meter", "metre":
		return unitSign("m")
	case "kilometer", "kilometre":
		return unitSign("km")
	case "centimeter", "centimetre":
		return unitSign("cm")
	case "millimeter", "millimetre":
		return unitSign("mm")
	case "inch", "inche":
		return unitSign("in")
	case "foot", "feet":
		return unitSign("ft")
	case "yard":
		return unitSign("yd")
	case "mile":
		return unitSign("mi")
	case "kilogram":
		return unitSign("kg")
	case "gram":
		return unitSign("g")
	case "milligram":
		return unitSign("mg")
	case "pound": // of mass or of money
		return nil
	case "ounce":
		return unitSign("oz")
	case "ton", "tonne":
		return nil // there are three
	case "second":
		return unitSign("s")
	case "minute":
		return unitSign("min")
	case "hour":
		return unitSign("h")
	case "day":
		return unitOf(dimTime, 86400, 1)
	case "week":
		return unitOf(dimTime, 7*86400, 1)
	case "month":
		return &Unit{Factor: big.NewRat(1, 1), Words: "month"}
	case "year":
		return &Unit{Factor: big.NewRat(12, 1), Words: "month"}
	case "dollar":
		return unitSign("$")
	case "cent":
		return unitOf(dimDollar, 1, 100)
	case "euro":
		return unitSign("€")
	case "liter", "litre":
		return unitSign("L")
	case "milliliter", "millilitre":
		return unitSign("mL")
	case "degree":
		return nil // an operator of its own
	case "radian":
		return unitSign("rad")
	case "acre":
		return derived(40468564224, 1e7, 2)
	case "hectare":
		return unitSign("ha")
	case "newton":
		return unitSign("N")
	case "joule":
		return unitSign("J")
	case "watt":
		return unitSign("W")
	case "volt":
		return unitSign("V")
	case "mole":
		return unitSign("mol")
	case "byte":
		return unitSign("B")
	case "bit":
		return unitOf(dimInformation, 1, 1)
	case "unit":
		return unitOf(dimAny, 1, 1)
	}
	return nil
}

// countNoun knows what is often counted. Words that scale a number (dozens,
// pairs, thousands) must not be here.
func countNoun(w string) string {
	switch w {
	case "people", "persons", "person":
		return "person"
	case "children", "child", "kids":
		return "child"
	case "men", "man":
		return "man"
	case "women", "woman":
		return "woman"
	case "mice", "feet", "geese":
		return ""
	case "boxes", "classes", "buses", "dishes", "glasses", "matches":
		return w[:len(w)-2]
	case "ways", "students", "apples", "oranges", "marbles", "books", "times", "integers", "solutions", "points", "numbers", "pages", "balls", "cards",
		"coins", "games", "girls", "boys", "trees", "cars", "eggs", "cups", "cookies", "pencils", "pens", "tickets", "triangles", "squares", "rectangles",
		"cubes", "lines", "edges", "vertices", "faces", "sides", "steps", "flowers", "chairs", "tables", "rooms", "workers", "players", "teams", "votes",
		"marks", "tiles", "candies", "stickers", "stamps", "dogs", "cats", "birds", "fish", "cows", "horses", "sheep", "chickens", "bananas",
		"pieces", "slices", "bottles", "bags", "rows", "columns", "digits", "factors", "divisors", "primes", "values", "combinations",
		"permutations", "arrangements", "outcomes", "paths", "routes", "words", "letters", "handshakes", "revolutions", "trips", "laps", "questions",
		"problems", "animals", "toys", "houses", "bikes", "plants", "customers", "passengers", "employees":
		if single, ok := strings.CutSuffix(w, "ies"); ok {
			return single + "y"
		}
		return strings.TrimSuffix(w, "s")
	}
	if w != "" && w[len(w)-1] != 's' {
		return countSingle(w)
	}
	return ""
}

// countSingle knows a noun in the singular by its plural.
func countSingle(w string) string {
	plural := w + "s"
	if single, ok := strings.CutSuffix(w, "y"); ok {
		plural = single + "ies"
	}
	if n := countNoun(plural); n == w {
		return w
	}
	return ""
}

// scaleWord knows the words that multiply a number.
func scaleWord(w string) *big.Rat {
	switch strings.ToLower(w) {
	case "hundred":
		return big.NewRat(100, 1)
	case "thousand":
		return big.NewRat(1000, 1)
	case "million":
		return big.NewRat(1e6, 1)
	case "billion":
		return big.NewRat(1e9, 1)
	case "dozen":
		return big.NewRat(12, 1)
	case "percent":
		return big.NewRat(1, 100)
	}
	return nil
}

// Angle says that the unit is the radian, which is the number one.
func (u *Unit) Angle() bool { return u.Dim == unitOf(dimAngle, 1, 1).Dim && u.Words == "" }

// Thermal says that the unit is a temperature, which no factor converts.
func (u *Unit) Thermal() bool {
	return u.Dim[dimCelsius] != 0 || u.Dim[dimFahrenheit] != 0 || u.Dim[dimTemperature] != 0
}
