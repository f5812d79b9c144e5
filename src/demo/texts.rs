//! What the bookshop writes. Authors and titles are made up.

/// A text with its headline; the greeting and the rest of the mail are in the template.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The subject line.
    pub subject: &'static str,
    /// The headline.
    pub headline: &'static str,
    /// The first paragraph, which mail programs show beside the subject.
    pub intro: &'static str,
    /// What there is to read about.
    pub articles: &'static [Article],
    /// The last paragraph.
    pub closing: &'static str,
}

/// A part of a newsletter that leads to a page.
#[derive(Debug, Clone, Copy)]
pub struct Article {
    /// The headline.
    pub title: &'static str,
    /// A few sentences.
    pub text: &'static str,
    /// The path of the page.
    pub path: &'static str,
}

const fn article(path: &'static str, title: &'static str, text: &'static str) -> Article {
    Article { title, text, path }
}

/// The newsletters of the months, from January.
pub const MONTHS: [Text; 12] = [
    Text {
        subject: "Neues Jahr, neue Geschichten",
        headline: "Neues Jahr, neue Geschichten",
        intro: "der Tee dampft, draußen ist es früh dunkel: die beste Zeit, um ein Buch zu beginnen. Wir haben aussortiert, vorgelesen und gestritten, und das ist übrig geblieben.",
        articles: &[
            article(
                "buecher/winterlicht",
                "Winterlicht: der Roman, über den wir alle reden",
                "Eine Leuchtturmwärterin, ein verschwundener Bruder und vierzig Briefe, die nie abgeschickt wurden. Drei aus unserem Team haben ihn an einem Wochenende gelesen.",
            ),
            article(
                "buecher/sachbuch-januar",
                "Fünf Sachbücher für gute Vorsätze",
                "Vom Gemüsebeet bis zur Steuererklärung: Bücher, die wirklich beim Anfangen helfen.",
            ),
            article(
                "kalender",
                "Kalender zum halben Preis",
                "Ein paar Wandkalender suchen noch eine Wand. Nur solange der Vorrat reicht.",
            ),
        ],
        closing: "Wir freuen uns auf ein Jahr voller Gespräche über Bücher mit Ihnen.",
    },
    Text {
        subject: "Lesestoff für lange Winterabende",
        headline: "Eine Decke, eine Kanne Tee, ein Buch",
        intro: "im Februar lesen unsere Kundinnen und Kunden die dicksten Bücher des Jahres. Wir haben nachgewogen und stellen Ihnen die schönsten über 600 Seiten vor.",
        articles: &[
            article(
                "buecher/die-stille-der-weichen",
                "Die Stille der Weichen",
                "Eine Familie, eine Bahnstrecke, hundert Jahre. Der große Roman von Mara Winterfeld ist endlich als Taschenbuch da.",
            ),
            article(
                "buecher/krimi-februar",
                "Mord in der Markthalle",
                "Kommissarin Thiele ermittelt zwischen Käse und Blumen. Spannend, klug und sehr leipzigerisch.",
            ),
            article(
                "vorlesen/samstag",
                "Vorlesen am Samstag",
                "Jeden Samstag um 11 Uhr lesen wir Kindern ab vier Jahren vor. Der Eintritt ist frei, der Kakao auch.",
            ),
            article(
                "gutscheine",
                "Geschenkt: Zeit zum Lesen",
                "Unsere Gutscheine gibt es jetzt auch zum Ausdrucken für Eilige.",
            ),
        ],
        closing: "Kommen Sie gut durch den Winter!",
    },
    Text {
        subject: "Frühlingserwachen im Regal",
        headline: "Frühlingserwachen im Regal",
        intro: "die ersten Novitäten des Frühjahrs sind ausgepackt, und wir haben Platz geschaffen. Diese Titel möchten wir Ihnen besonders ans Herz legen.",
        articles: &[
            article(
                "buecher/gartenbuch",
                "Das Gartenbuch für Ungeduldige",
                "Was wächst schnell, was verzeiht Fehler und was schmeckt am Ende? Mit Aussaatkalender zum Herausnehmen.",
            ),
            article(
                "buecher/debuets",
                "Vier Debüts, die Sie nicht verpassen sollten",
                "Neue Stimmen aus Chemnitz, Graz, Basel und Rostock.",
            ),
            article(
                "buecher/wandern",
                "Wandern mit Bahn und Buch",
                "Zwölf Touren rund um Leipzig, alle mit dem Zug zu erreichen.",
            ),
        ],
        closing: "Auf bald im Lindenhof, die Bank vor der Tür steht schon in der Sonne.",
    },
    Text {
        subject: "Welttag des Buches: ein Geschenk wartet auf Sie",
        headline: "Am 23. April feiern wir das Lesen",
        intro: "zum Welttag des Buches schenken wir allen, die uns besuchen, eine kleine Geschichte. Für Schulklassen haben wir uns etwas Eigenes ausgedacht.",
        articles: &[
            article(
                "welttag",
                "Das Programm zum Welttag",
                "Lesungen zu jeder vollen Stunde, ein Büchertauschtisch und abends ein Quiz mit Wein.",
            ),
            article(
                "schulen/klassenbesuch",
                "Klassen zu Besuch",
                "Viertklässlerinnen und Viertklässler lösen bei uns einen Fall. Noch sind sechs Termine frei.",
            ),
            article(
                "buecher/osterlektuere",
                "Lektüre für die Feiertage",
                "Drei Romane, die genau vier Tage dauern.",
            ),
        ],
        closing: "Feiern Sie mit uns!",
    },
    Text {
        subject: "Draußen lesen: Tipps für Balkon und Park",
        headline: "Draußen lesen",
        intro: "leicht genug für die Tasche, gut genug für einen ganzen Nachmittag: Wir haben die Taschenbücher des Frühlings im Clara-Zetkin-Park auf die Probe gestellt.",
        articles: &[
            article(
                "buecher/taschenbuecher-mai",
                "Zehn Taschenbücher unter 300 Seiten",
                "Unsere Liste zum Mitnehmen, mit einem Satz zu jedem Buch.",
            ),
            article(
                "buecher/picknick",
                "Picknick: das Kochbuch zur Decke",
                "Alles, was ohne Teller schmeckt.",
            ),
            article(
                "termine/hoflesung",
                "Lesung im Hof",
                "Bei gutem Wetter liest Jonas Ehrlich unter der Linde, bei schlechtem im Laden.",
            ),
        ],
        closing: "Einen sonnigen Mai wünschen wir Ihnen!",
    },
    Text {
        subject: "Koffer packen: zwölf Bücher für den Urlaub",
        headline: "Koffer packen",
        intro: "drei Romane oder doch lieber vier? Wir helfen beim Packen und haben die passende Lektüre für Strand, Berg und Bahnsteig.",
        articles: &[
            article(
                "buecher/urlaub",
                "Zwölf Bücher für zwölf Reiseziele",
                "Von der Ostsee bis nach Palermo: ein Buch für jeden Ort.",
            ),
            article(
                "hoerbuecher",
                "Hörbücher für die Rückbank",
                "Damit niemand fragt, wann wir endlich da sind.",
            ),
            article(
                "service/ferienpaket",
                "Das Ferienpaket",
                "Sie nennen uns drei Lieblingsbücher, wir packen drei neue ein. Abholbereit am nächsten Tag.",
            ),
            article(
                "buecher/reisefuehrer",
                "Reiseführer, die Umwege lieben",
                "Für alle, die sich gern verlaufen.",
            ),
        ],
        closing: "Schöne Ferien, und schreiben Sie uns eine Karte!",
    },
    Text {
        subject: "Sommerpause? Nicht bei uns",
        headline: "Sommer im Lindenhof",
        intro: "während andere schließen, lüften wir früh und haben kühle Ecken zum Blättern. Und ein paar Neuigkeiten.",
        articles: &[
            article(
                "buecher/see",
                "Der See, der keiner war",
                "Ein flirrender Sommerroman über drei Schwestern und ein altes Tagebuch.",
            ),
            article(
                "service/lieferung",
                "Wir liefern mit dem Rad",
                "Bis 12 Uhr bestellt, am selben Abend vor Ihrer Tür. Im ganzen Stadtgebiet.",
            ),
            article(
                "buecher/comics",
                "Comics für heiße Tage",
                "Bilder statt Buchstabenwüste: unsere Lieblinge aus der neuen Comic-Ecke.",
            ),
        ],
        closing: "Bleiben Sie im Schatten!",
    },
    Text {
        subject: "Schulstart leicht gemacht",
        headline: "Schulstart leicht gemacht",
        intro: "Bücherlisten, Hefte, Zuckertüte: Wir nehmen Ihnen ab, was sich abnehmen lässt.",
        articles: &[
            article(
                "schule/buecherliste",
                "Schulbücher bestellen",
                "Foto von der Liste genügt. Wir sagen Ihnen, wann alles da ist.",
            ),
            article(
                "kinder/zuckertuete",
                "Was in die Zuckertüte passt",
                "Kleine Bücher, die den Platz wert sind.",
            ),
            article(
                "kinder/erstleser",
                "Die ersten eigenen Sätze",
                "Erstlesebücher, die auch Erwachsene nicht langweilen.",
            ),
        ],
        closing: "Allen Schulkindern einen guten Anfang!",
    },
    Text {
        subject: "Die Herbstvorschau ist da",
        headline: "Was der Herbst bringt",
        intro: "hundertzwanzig Vorschauen haben wir gelesen, damit Sie es nicht müssen. Diese sieben Bücher haben wir vorbestellt, ohne zu zögern.",
        articles: &[
            article(
                "buecher/herbst",
                "Sieben Romane für den Herbst",
                "Darunter der neue Roman von Mara Winterfeld und ein Erstling, der uns umgehauen hat.",
            ),
            article(
                "buecher/kochen-herbst",
                "Kürbis kann mehr",
                "Ein Kochbuch über ein unterschätztes Gemüse.",
            ),
            article(
                "lesekreis",
                "Der Lesekreis nimmt wieder auf",
                "Jeden ersten Dienstag im Monat, acht Plätze sind frei.",
            ),
            article(
                "buecher/sachbuch-herbst",
                "Große Fragen, klare Antworten",
                "Sachbücher über Klima, Künste und Kartoffeln.",
            ),
        ],
        closing: "Wir legen Ihnen gern etwas zurück.",
    },
    Text {
        subject: "Frisch von der Messe: was uns begeistert hat",
        headline: "Frisch von der Messe",
        intro: "drei Tage, vierzehn Gespräche, ein Koffer voller Leseexemplare. Unsere Entdeckungen aus Frankfurt.",
        articles: &[
            article(
                "buecher/messe",
                "Unsere zehn Entdeckungen",
                "Von leise bis laut, vom Gedicht bis zur Graphic Novel.",
            ),
            article(
                "termine/messeabend",
                "Der Messeabend",
                "Wir erzählen, Sie fragen, es gibt Suppe. Am letzten Freitag im Oktober.",
            ),
            article(
                "buecher/uebersetzt",
                "Neu übersetzt",
                "Klassiker in neuen Worten: Lohnt sich das? Ja.",
            ),
        ],
        closing: "Bis bald zwischen den Regalen!",
    },
    Text {
        subject: "Jetzt schon an die Geschenke denken",
        headline: "Wer jetzt bestellt, hat im Dezember Zeit",
        intro: "es ist November, und wir sagen es ganz leise: In sechs Wochen ist Weihnachten. Damit Sie Ruhe haben, fangen wir früh an.",
        articles: &[
            article(
                "geschenke",
                "Der Geschenkefinder",
                "Drei Fragen, fünf Vorschläge. Ausprobiert an unseren eigenen Verwandten.",
            ),
            article(
                "kalender/adventskalender",
                "Adventskalender zum Lesen",
                "Jeden Tag eine Seite, für Große und für Kleine.",
            ),
            article(
                "service/einpacken",
                "Wir packen ein",
                "Auf Wunsch mit Widmung und Band, ohne Aufpreis.",
            ),
            article(
                "buecher/november",
                "Gegen das Grau",
                "Romane, die warm machen.",
            ),
        ],
        closing: "Einen gemütlichen November!",
    },
    Text {
        subject: "Unsere 24 Lieblingsbücher zum Fest",
        headline: "24 Bücher, 24 Gründe",
        intro: "alle haben mitgemacht: Jede und jeder aus dem Team hat vier Bücher ausgesucht, die man verschenken oder selbst behalten sollte.",
        articles: &[
            article(
                "buecher/lieblinge",
                "Alle 24 auf einen Blick",
                "Mit einem Satz dazu, warum gerade dieses.",
            ),
            article(
                "service/oeffnungszeiten-advent",
                "Länger geöffnet im Advent",
                "An den Samstagen bis 20 Uhr, am 24. bis 13 Uhr.",
            ),
            article(
                "gutscheine",
                "Gutscheine bis zur letzten Minute",
                "Auch am Heiligabend noch, zum Ausdrucken.",
            ),
        ],
        closing: "Frohe Feiertage und ruhige Lesestunden!",
    },
];

/// To those who buy often.
pub const THANKS: Text = Text {
    subject: "Danke für Ihre Treue: ein Abend nur für Sie",
    headline: "Ein Abend nur für Sie",
    intro: "Sie kaufen Ihre Bücher bei uns und nicht irgendwo. Dafür möchten wir uns bedanken und laden Sie zu einem Abend nach Ladenschluss ein.",
    articles: &[
        article(
            "stammkundschaft/abend",
            "Ihr Platz am Abend",
            "Wein, Brot und zwanzig Bücher, die noch niemand kennt. Bitte sagen Sie uns, ob Sie kommen.",
        ),
        article(
            "stammkundschaft/wunsch",
            "Wünschen Sie sich etwas",
            "Welche Ecke fehlt Ihnen bei uns? Drei Fragen, zwei Minuten.",
        ),
    ],
    closing: "Wir freuen uns auf Sie!",
};

/// To those who come to readings.
pub const READING: Text = Text {
    subject: "Einladung zur Lesung mit Mara Winterfeld",
    headline: "Mara Winterfeld liest bei uns",
    intro: "mit „Die Stille der Weichen“ hat sie viele von uns durch den Winter gebracht. Nun kommt Mara Winterfeld in den Lindenhof und liest aus ihrem neuen Roman.",
    articles: &[
        article(
            "termine/winterfeld",
            "Karten reservieren",
            "60 Plätze, 12 Euro, ermäßigt 8 Euro. Einlass ab 19 Uhr.",
        ),
        article(
            "buecher/winterfeld-neu",
            "Zum Roman",
            "Eine Leseprobe gibt es schon jetzt.",
        ),
        article(
            "termine/anfahrt",
            "So kommen Sie zu uns",
            "Straßenbahn 4 bis Lindenplatz, Fahrräder finden im Hof Platz.",
        ),
    ],
    closing: "Bis zur Lesung!",
};

/// To all, where there are hundreds of thousands.
pub const ONLINE_SHOP: Text = Text {
    subject: "Unser Laden im Netz hat jetzt Tag und Nacht geöffnet",
    headline: "Der Lindenhof ist auch nachts geöffnet",
    intro: "seit heute finden Sie unsere ganze Auswahl im Netz, mit denselben Empfehlungen wie im Laden.",
    articles: &[
        article(
            "laden",
            "Zum neuen Laden",
            "Abends bestellt, am nächsten Tag bei uns abgeholt oder nach Hause geliefert.",
        ),
        article(
            "laden/lieferung",
            "Lieferung mit dem Rad",
            "In der Stadt bringen wir Ihnen Ihre Bücher ohne Aufpreis vorbei.",
        ),
    ],
    closing: "Wir freuen uns auf Ihre erste Bestellung!",
};

/// To all, the newest of these.
pub const SURVEY: Text = Text {
    subject: "Drei Fragen an Sie: Was sollen wir besser machen?",
    headline: "Drei Fragen an Sie",
    intro: "Sie kennen uns besser als wir selbst. Darum fragen wir Sie: Was fehlt Ihnen im Lindenhof?",
    articles: &[
        article(
            "umfrage",
            "Zur Umfrage",
            "Drei Fragen, zwei Minuten. Unter allen Antworten verlosen wir zehn Bücherpakete.",
        ),
        article(
            "umfrage/ergebnisse",
            "Was wir im letzten Jahr geändert haben",
            "Längere Öffnungszeiten, mehr Hörbücher, eine Leseecke für Kinder.",
        ),
        article(
            "umfrage/gespraech",
            "Lieber persönlich?",
            "Jeden ersten Samstag im Monat steht Frau Lindenhof von 10 bis 12 Uhr Rede und Antwort.",
        ),
    ],
    closing: "Vielen Dank für Ihre Zeit!",
};

/// To the press: the newest one.
pub const PRESS: Text = Text {
    subject: "Presseeinladung: Wiedereröffnung nach dem Umbau",
    headline: "Mehr Platz für Bücher: Wiedereröffnung im Lindenhof",
    intro: "nach acht Wochen Umbau öffnet die Buchhandlung Lindenhof mit doppelt so großer Kinderbuchabteilung und einer Bühne für Lesungen. Wir laden Sie zum Rundgang vor der Eröffnung ein.",
    articles: &[
        article(
            "presse/rundgang",
            "Anmeldung zum Presserundgang",
            "Mit der Architektin und der Inhaberin, danach Zeit für Gespräche.",
        ),
        article(
            "presse/bilder",
            "Bilder in Druckqualität",
            "Vorher, währenddessen und nachher, zur freien Verwendung.",
        ),
        article(
            "presse/zahlen",
            "Zahlen und Daten",
            "Fläche, Sortiment, Geschichte des Hauses.",
        ),
    ],
    closing: "Für Fragen sind wir jederzeit erreichbar.",
};

/// Not sent yet.
pub const DRAFT: Text = Text {
    subject: "Lesekreis: die Termine für das nächste Halbjahr",
    headline: "Was wir als Nächstes lesen",
    intro: "sechs Abende, sechs Bücher: Über die Auswahl haben Sie abgestimmt, hier ist das Ergebnis.",
    articles: &[
        article(
            "lesekreis/termine",
            "Alle Termine",
            "Immer am ersten Dienstag im Monat um 19.30 Uhr.",
        ),
        article(
            "lesekreis/buecher",
            "Alle Bücher",
            "Auf Wunsch legen wir Ihnen den ganzen Stapel zurück.",
        ),
    ],
    closing: "Bis zum nächsten Dienstag!",
};
