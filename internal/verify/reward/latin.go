package reward

import (
	"slices"
	"strings"
	"sync"
)

// latinLanguage is a language of the Latin script with the words that tell it:
// those that sentences are held together with, and that mathematics is said in.
type latinLanguage struct{ code, words string }

// latinLanguages are told apart by their function words. That costs some 100 ns
// a word and no table of megabytes; docs/rewards.md has the comparison.
var latinLanguages = []latinLanguage{
	{"en", `the of and to in is it that this for on with as be are was were will would can could should must have has had not but or if then so
		we i you he she they there their its from by at an than when where which what who how because since therefore hence thus now let suppose
		about into each every all any some such no yes wait first second third next finally also only both more most check find given gives give
		get into over two three man men die dice hat war come more per sur pour car son dove van her den ten mi six one case
		me him us an tie sum par pair plus minus side total point line area est los la el las per des von um em ate mas sin cos tan my our your do does did these those made make after before between number answer`},
	{"fr", `le la les un une des du de et est en que qui dans pour pas sur au aux avec ce cette ces il elle on nous vous ils elles je se sa son ses
		par plus ou où si ne mais donc or car alors comme cela ceci être avoir fait sont était sera peut doit ainsi puis aussi tout tous entre
		deux trois étape réponse nombre peut-être d'abord ensuite enfin l'on c'est n'est y leur mon notre suis vérifie devrait même quand très`},
	{"de", `der die das den dem des ein eine einen einem einer und ist in im zu zum zur von vom mit für auf nicht auch als an es sich wir ich er sie
		ihr man wird werden wurde sind war hat haben kann können muss soll sollte also oder aber wenn dann ob dass weil daher somit durch bei
		aus nach über unter um gilt nun jetzt zuerst schritt antwort zahl zwei drei noch nur so wie was dieser diese dieses kein keine gibt gleich`},
	{"es", `el la los las un una unos unas de del y es en que por para con no se su sus lo al como más pero o si ya esto esta este eso esa ese
		entonces porque cuando donde hay ser está son fue ha tiene puede debe debería así ahora luego también entre sobre dos tres paso respuesta
		número primero segundo cada todo todos muy sin me nos mi da tanto algún podemos hasta desde qué cuál`},
	{"it", `il lo la i gli le un uno una di del della dei delle dal dalla e è in nel nella che per con non si su sul sulla al alla come più ma o se
		questo questa quello questi quindi allora perché quando dove ci sono era ha hanno può deve dovrebbe così ora poi anche tra fra due tre
		passo risposta numero prima ogni tutto tutti ho mi da dunque qualche possiamo essere abbiamo dà`},
	{"pt", `o a os as um uma uns umas de do da dos das e é em no na nos nas que por para com não se seu sua ao à como mais mas ou já isto isso esta
		este esse então porque quando onde há ser está são foi tem pode deve deveria assim agora depois também entre sobre dois duas três passo
		resposta número primeiro cada todo todos muito sem me portanto podemos algum pelo pela até você`},
	{"nl", `de het een en is van in op te dat die dit deze voor met niet zijn aan er om als ook maar of dan dus want door bij uit naar over we wij ik
		hij zij ze je men wordt worden werd was waren heeft hebben heb kan kunnen moet moeten zou zouden nu eerst daarna stap antwoord getal twee
		drie nog alleen zo hoe wat waar geen ons onze hier geldt elke alle omdat wanneer stel laten`},
}

// evidence is how much speaks for each of the latinLanguages.
type evidence [7]float64

// functionWords gives for each function word what it says for each language: a
// word of several says less for each.
var functionWords = sync.OnceValue(func() map[string]evidence {
	owners := map[string][]int{}
	for i, l := range latinLanguages {
		for _, w := range strings.Fields(l.words) {
			if !slices.Contains(owners[w], i) {
				owners[w] = append(owners[w], i)
			}
		}
	}
	words := make(map[string]evidence, len(owners))
	for w, of := range owners {
		var e evidence
		for _, i := range of {
			e[i] = 1 / float64(len(of))
		}
		words[w] = e
	}
	return words
})

// sentence gathers the Latin words between two ends of sentences.
type sentence struct {
	words    int
	evidence evidence
	foreign  bool // the last sentence that told its language was of another than the target
}

func (s *sentence) add(word string) {
	s.words++
	s.hears(functionWords()[strings.ToLower(strings.ReplaceAll(word, "’", "'"))])
}

func (s *sentence) hears(word evidence) {
	for i, e := range word {
		s.evidence[i] += e
	}
}

// isOf says whether the sentence is of the target language, by its number among the
// latinLanguages. One that does not
// tell is of the language of those before it, and at first of the target: the
// benefit of the doubt goes to the response.
func (s *sentence) isOf(own int) bool {
	if own < 0 {
		return false
	}
	best := 0.0
	for i, e := range s.evidence {
		if i != own {
			best = max(best, e)
		}
	}
	switch mine := s.evidence[own]; {
	case best >= 1.5 && best >= 2*mine:
		s.foreign = true
	case mine >= 0.5 && mine > best:
		s.foreign = false
	}
	return !s.foreign
}

func (s *sentence) reset() { s.words, s.evidence = 0, evidence{} }

func latinIndex(target string) int {
	return slices.IndexFunc(latinLanguages, func(l latinLanguage) bool { return l.code == target })
}
