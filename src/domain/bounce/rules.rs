//! The table of refusals: which words mean what. What codes mean is in [`super::codes`].
//!
//! [`WORDS`] is asked from top to bottom and the first rule that fits decides. What is no matter of
//! the recipient stands above what is, so a refusal that says both is never taken for permanent;
//! the few rules above those are replies of single servers whose words mean something else than
//! they seem to. [`WEAK_WORDS`] are asked after the codes.
//!
//! Sources: the texts in the
//! programs Postfix, Exim, sendmail, qmail and in the documentation of Exchange Online, HCL
//! Domino and Cisco, and what Google, Microsoft, Yahoo, Apple, GMX/WEB.DE, Telekom, Orange and
//! Proofpoint publish about their refusals.

use super::BounceReason;
use BounceReason::{
    Authentication, Content, Disabled, Full, Loop, Moved, NoDomain, NoMailbox, Policy, Rate,
    Reputation, Sender, Size, System, Unavailable, Unreachable,
};

/// What some words mean.
pub struct Rule {
    /// What was refused.
    pub reason: BounceReason,
    /// Only together with a code of this subject and detail.
    pub only_with: Option<(u16, u16)>,
    /// Patterns of which one is enough, with semicolons between them: plain words in lower case
    /// without apostrophes and punctuation, umlauts written out; `...` is a gap of a few words,
    /// `*` any ending.
    pub words: &'static str,
}

const fn rule(reason: BounceReason, words: &'static str) -> Rule {
    Rule {
        reason,
        only_with: None,
        words,
    }
}

impl Rule {
    /// Its patterns.
    pub fn patterns(&self) -> impl Iterator<Item = &'static str> {
        self.words.split(';').map(str::trim)
    }
}

/// The words.
pub const WORDS: &[Rule] = &[
    // --- Replies of single servers that would be misunderstood below. ---
    Rule {
        // Exchange Online, directory-based edge blocking: the mailbox is not in the directory.
        reason: NoMailbox,
        only_with: Some((4, 1)),
        words: "recipient address rejected access denied",
    },
    // HCL Domino.
    rule(
        NoMailbox,
        "not listed in ... name; not listed in ... directory; not listed in ... address book;
        nicht aufgefuehrt im ... verzeichnis",
    ),
    // Yahoo.
    rule(
        Disabled,
        "this account has been disabled or discontinued; due to inactivity; wegen inaktivitaet",
    ),
    // Gmail.
    rule(
        Rate,
        "receiving mail at a rate that; receiving mail too quickly; receiving too much mail;
        exceeded the rate limit; slow down; sending quota; sender ... quota; outgoing quota;
        daily quota; hourly quota; message quota; your quota; quota of messages",
    ),
    // --- No matter of the recipient. ---
    rule(
        Full,
        "mailbox ... full; inbox ... full; mail box ... full; account ... full;
        mailfolder is full; user is full; over quota; overquota; over the ... quota;
        over ... disk quota; over his quota; over its quota; over their quota; quota exceed*;
        quota is exceed*; quota has been exceed*; quota full; quota violation; disk quota;
        disc quota; quotaexceeded; storquotaexceeded; exceed* ... quota; exceed* ... storage;
        storage limit; storage quota; out of storage; out of space; not enough storage;
        not enough space; not enough disk; space not enough; insufficient disk;
        insufficient storage; insufficient space; no space left; no room in mailbox;
        mailbox size limit; mailbox limit exceed*; mailbox has exceeded; mailbox exceed*;
        maildir over; maildir delivery failed ... quota; too many messages in ... mailbox;
        too many messages on this mailbox; too many messages on the server;
        zuviele mails auf dem server; exceeded allowed ... space; mailbox for user is full;
        doesnt have enough space; does not have enough space; postfach ... voll;
        postfach ueberfuellt; postfach ist ueberfuellt; posteingang ... voll;
        speicherplatz ... ueberschritten; speicherplatz ... erschoepft;
        kontingent ... ueberschritten; kontingent ... erschoepft; quota ... ueberschritten;
        speicherlimit ... ueberschritten; boite ... pleine; reached ... quota; quota reached;
        quota ... reached; mailbox ... reached",
    ),
    rule(
        Size,
        "message size; message too large; message too big; message is too large;
        message is too big; message is larger than; message exceeds; message length exceeds;
        message file too big; mail too large; mail size limit; exceeds size limit;
        exceeds maximum message size; exceeds maximum size; exceeds fixed limit;
        exceeds fixed maximum; exceeded maximum size; exceeded message size; exceeds limit;
        size limit exceed*; max message size; maximum message size; sizeexceeded;
        sendersizeexceeded; recipsizelimit; zu gross; nachrichtengroesse; maximale groesse",
    ),
    rule(
        Sender,
        "sender verify failed; sender verification failed; sender address; senders email;
        your account; sender account; sending domain; sending address; ihr konto; ihr account;
        ihre adresse; ihre e mail adresse; domain des absenders; absender ... nicht;
        sender rejected; sender denied; sender refused; sender blocked; sender is blocked;
        sender was rejected; sender domain; domain of sender; senders domain; senders address;
        invalid sender; bad sender; unknown sender; unverified sender; sender unknown;
        sender ... not authorized; sender ... blacklisted; sender ... blocked;
        your address ... rejected; your domain; your sender; envelope sender; envelope from;
        mail from ... rejected; mail from ... denied; from address; from domain; from header;
        not accept* ... mail from you; accept ... mail* from you; not accept* mail from;
        mail from you ... not; you are not allowed; you are not authorized;
        you do not have permission; you dont have permission; not permitted to send;
        not allowed to send; not authorized to send; not have permission to ... send;
        restricted to authenticated users; requires that all senders;
        only accept* ... internal senders; only accepts messages from; restricted sender;
        senders are ... allowed; authrequired; rejected by ... whitelist; challenge response;
        absender ... abgelehnt; absender ... gesperrt; absender ... blockiert;
        absender ... unbekannt; absenderadresse ... abgelehnt; absenderadresse ... ungueltig;
        absender existiert nicht; absenderdomain; ihre domain; nicht berechtigt;
        keine berechtigung; sender ... invalid; sender ... unknown; sender ... rejected;
        sender ... not exist; sender ... doesnt exist; callout; verification failed for;
        after mail from; reply to mail from; von ihnen",
    ),
    rule(
        Authentication,
        "dmarc; spf; dkim; arc seal; domainkeys; unauthenticated email; unauthenticated mail;
        not authenticated; mail is unauthenticated; sender policy framework;
        message failed authentication; email authentication; sender id",
    ),
    rule(
        Reputation,
        "blacklist*; black list*; blocklist*; block list*; blackhole*; denylist*; dnsbl*; rbl*;
        spamhaus*; spamcop*; sorbs*; barracudacentral*; barracuda reputation; senderbase*;
        senderscore*; uceprotect*; mailspike*; sbrs; cbl abuseat; cloudmark*;
        csi cloudmark com; ipcheck proofpoint com; reputation; ptr; reverse dns; reverse ip;
        reverse lookup; reverse hostname; reverse name; rdns; fcrdns;
        cannot find your hostname; cannot find your reverse; client host ... rejected;
        client host ... blocked; client was not found; helo command rejected; helo; ehlo;
        listed at; listed in; is listed; listed by; dynamic ip; dynamic address*;
        dynamically assigned; dial up; dialup; residential; generic hostname;
        ip address ... blocked; ip address ... rejected; ip address ... refused;
        ip address ... not allowed; ip address ... denied; ip address ... banned;
        ip ... blocked; ip ... banned; ip ... rejected; ip ... refused; ip ... denied;
        ip ... a problem occurred; blocked ... ip; rejected ... ip; banned sending ip;
        banned ... ip; your ip; your host; your server; your mail server; your network;
        your isp; your mta; sender ip; senders ip; sending server; sending host;
        sending mail server; sending mta; connecting host; hostname; cannot resolve your;
        does not resolve; listed on; ip adresse; mail server ip; sending ip; source ip;
        client ip; connecting ip; from your ip; mail from ip; mails from ip; email from ip;
        from this ip; from this host; from this server; from this network;
        this server is blocked; host ... is blocked; host ... blocked using; blocked using;
        server ... is blocked; a problem occurred ask your postmaster;
        ask your postmaster for help; ihre ip; ihr mailserver; ihr server; sperrliste;
        open relay; open proxy; poor reputation; bad reputation; low reputation;
        connection ... not authorized; connections not accepted from;
        not currently accept mail from your; service refused ... smtp; no smtp service;
        after initial connection; reply to ehlo; reply to helo",
    ),
    rule(
        Content,
        "spam; spammy; virus*; viren*; spamassassin; antispam; spamming; unsolicited; junk; uce;
        ube; bulk mail; bulk email; infected; malware; phish*; trojan; worm; clamav;
        suspicious; suspect*; content rejected; content reject; message content;
        content filter*; content restriction*; content policy; content denied;
        content violation; content not accept*; forbidden content; prohibited content;
        bad content; message rejected by content; attachment ... not; attachment ... blocked;
        attachment ... rejected; attachment type; attachments are; banned attachment;
        forbidden attachment; prohibited attachment; blocked url; url ... blocked;
        url in this email; url in message; header* ... not rfc; rfc 5322; rfc 2822; rfc5322;
        rfc2822; rfc 822; bare lf; bare newline*; 8bit; 8 bit; mime error; malformed message;
        malformed header*; malformed mime; malformed address; mime type; missing header;
        header error; missing or invalid ... header; duplicate header; invalid header;
        conversion ... not; not acceptable; ofr 506; inhalt ... abgelehnt;
        inhalt ... unzulaessig; inhaltsfilter; unerwuenscht*; als werbung; anhang",
    ),
    rule(
        Rate,
        "frequency limited; limit ... erreicht; greylist*; graylist*; grey list*; gray list*;
        too many connection*; too many mail*; too many message*; too many email*;
        too many recipient*; too many concurrent; too many errors; too many invalid recipient*;
        too many session*; too many smtp; too many rcpt*; too much mail; too fast; rate limit*;
        rate exceed*; rate control*; rate is; ratelimit*; throttl*; unusual rate;
        unusual traffic; sending limit; message limit; hourly limit; daily limit;
        limit exceeded; exceeded ... limit; temporarily deferred; temporarily rate;
        maximum connections; connection limit; concurrency limit; mail flood; flooding;
        drosselung; zu viele",
    ),
    rule(
        Loop,
        "too many hops; hop count; hopcount; mail loop; mail forwarding loop; forwarding loop;
        message loop*; routing loop; loop detected; loops back; is looping; looped; loop count;
        circular ... dsn; too many received; schleife",
    ),
    rule(
        Policy,
        "policy; policies; policy violation; administrative prohibition;
        administratively prohibited; administratively denied; access denied; relay* ... denied;
        relay* ... prohibited; relay* ... not allowed; relay* ... not permitted;
        unable to relay; cannot relay; do not relay; dont relay; does not relay; not relay;
        relay not permitted; refused to relay; relaying mail to; relay access;
        authentication required; authentication is required; smtp auth; must authenticate;
        please authenticate; must issue a starttls; encryption ... required;
        requires encryption; tls ... required; not in ... list of allowed rcpthosts;
        message rejected; message was rejected; message has been rejected; message refused;
        message blocked; mail rejected; mail refused; email rejected; blocked; banned;
        security reason*; security restriction; firewall; richtlinie*; relay ... nicht;
        recipient ... not authorized; blocked by recipient; blocked by the recipient;
        blocked by user; recipient ... has blocked; refused by recipient;
        rejected by recipient; recipient has rejected; recipient rejected your;
        not accept delivery; smtp authentication",
    ),
    rule(
        Unreachable,
        "timed out; time out; timeout; timedout; connection refused; connection reset;
        connection was refused; connection dropped; connection was dropped; connection closed;
        connection lost; lost connection; connection failed; connect failed;
        connection with ... is broken; connection died; name or service not known;
        server ... nicht erreichbar; host ... nicht erreichbar; rechner ... nicht erreichbar;
        unable to connect; cannot connect; could not connect; couldnt connect;
        wasnt able to establish an smtp connection; error connecting; error while talking to;
        network ... unreachable; host ... unreachable; server unreachable;
        host ... is unreachable; destination unreachable; no route to host;
        no answer from host; not responding; did not respond; does not respond; didnt respond;
        not reachable; host is down; message expired; delivery expired; delivery time expired;
        message has expired; deliverytimeexpired; queue ... too long; queue ... expired;
        in the queue too long; queue for ... days; in queue too long; expired from ... queue;
        retry time not reached; failing for a long time; retry limit;
        retried ... unsuccessful*; could not be delivered for; couldnt be delivered for;
        undelivered for; lookup did not complete; temporary lookup failure; temporary dns;
        temporary error ... dns; dns timeout; dns server failure; dns query failed;
        name server reply; dns problem; try again ... host lookup; not found try again;
        tls handshake; tls negotiation; starttls ... failed; certificate; zeitueberschreitung;
        zeitlimit; verbindung ... abgelehnt; verbindung ... fehlgeschlagen; keine verbindung;
        verbindungsabbruch",
    ),
    // --- The mailbox, for now. ---
    rule(
        Unavailable,
        "mailbox ... locked; mailbox busy; mailbox in use; mailbox is busy;
        mailbox ... temporarily; account ... temporarily; user ... temporarily;
        recipient ... temporarily; postfach ... voruebergehend; voruebergehend gesperrt;
        unverified address; address verification in progress; verification ... in progress;
        zurzeit nicht; derzeit nicht; momentan nicht",
    ),
    // --- The address itself. ---
    rule(
        Moved,
        "has moved to; user has moved; recipient has moved; has changed ... address;
        address has changed; address changed; mailbox has moved; mailbox has been moved;
        user not local please try; no longer at this address; new address is;
        new email address is; adresse hat sich geaendert; neue adresse; neue e mail adresse;
        ist umgezogen",
    ),
    rule(
        NoDomain,
        "host or domain name not found; domain name not found; domain not found;
        domain not exist*; domain does not exist; domain doesnt exist;
        domain ... does not exist; domain ... doesnt exist; domain non existent;
        nonexistent domain; non existent domain; domain ... is invalid; invalid domain;
        bad domain; domain ... has no mail exchangers; no mail exchangers; no such domain;
        unknown domain; domain unknown; domain ... is unknown; domain is not valid;
        unrouteable mail domain; unroutable mail domain; unrouteable domain; unroutable domain;
        mx records point to non existent hosts; couldnt find any host named;
        couldnt find any host by that name; couldnt find a mail exchanger;
        cant find ... mail exchanger; cannot find ... mail exchanger; no mx; no mx record*;
        null mx; nullmx; does not accept mail; doesnt accept mail; accepts no mail;
        host unknown; unknown host; host not found; no such host;
        name server ... host not found; nxdomain; no a mx or srv; badhost;
        host name lookup failed; domain ... existiert nicht; domain nicht gefunden;
        domain wurde nicht gefunden; domaene ... existiert nicht; domaene ... nicht gefunden;
        domaene nicht gefunden; unbekannte domain; unbekannte domaene; unbekannter host;
        domain ist unbekannt; rechner ... nicht gefunden",
    ),
    rule(
        Disabled,
        "account ... disabled; account ... inactive; account ... not active;
        account ... deactivated; account ... suspended; account ... closed;
        account ... deleted; account ... terminated; account ... cancel*; account ... expired;
        account ... locked; account ... blocked; account ... been disabled;
        account ... that you tried to reach is disabled;
        account ... that you tried to reach is inactive; mailbox ... disabled;
        mailbox ... inactive; mailbox ... not active; mailbox ... deactivated;
        mailbox ... suspended; mailbox ... closed; mailbox ... blocked; mailbox ... expired;
        mailbox ... frozen; mailbox ... deleted; mailbox ... removed; mailbox ... retired;
        mailbox currently suspended; disabled mailbox; deactivated mailbox;
        deactivated account; disabled account; inactive mailbox; inactive account;
        inactive user; inactive recipient; suspended account; user ... disabled;
        user ... inactive; user ... suspended; user ... not active; user ... deactivated;
        user is inactive; user account is unavailable; user has been suspended;
        user account ... expired; recipient ... disabled; recipient ... inactive;
        recipient ... suspended; recipient ... not active; address ... disabled;
        address ... inactive; address ... deactivated; address ... no longer active;
        address ... not active; address ... no longer in use; address ... no longer valid;
        address ... no longer exists; no longer accept* ... mail; no longer available;
        no longer active; no longer in use; no longer monitored; no longer on server;
        no longer used; no longer a member; no longer employed; no longer work*;
        no longer with; not currently active; has left; konto ... deaktiviert;
        konto ... gesperrt; konto ... geschlossen; konto ... geloescht; konto ... inaktiv;
        postfach ... deaktiviert; postfach ... gesperrt; postfach ... geschlossen;
        postfach ... geloescht; postfach ... inaktiv; adresse ... deaktiviert;
        adresse ... nicht mehr; empfaenger ... deaktiviert; benutzer ... deaktiviert;
        benutzer ... gesperrt; nicht mehr aktiv; nicht mehr gueltig; nicht mehr verfuegbar;
        nicht mehr in benutzung; ausgeschieden",
    ),
    rule(
        NoMailbox,
        "user unknown; user ... unknown; unknown user; unknown local user; unknown local part;
        unknown localpart; unknown recipient; unknown address; unknown account;
        unknown mailbox; unknown email; unknown or illegal; unknown or invalid;
        unknown virtual; unknown mail address; mailbox unknown; mailbox ... unknown;
        recipient unknown; recipient ... unknown; recipient name is not recognized;
        recipient not recognized; address unknown; address ... unknown; addressee unknown;
        account unknown; no such user; no such local user; no such recipient; no such mailbox;
        no such address; no such person; no such account; no such email; no such e mail;
        no such name; no such virtual; no such id; there is no user; no such object;
        no such addressee; no mailbox; no mailbox here by that name; no mailbox by that name;
        no account by that name; no account here; no local mailbox; no email address;
        no one by that name; not a valid mailbox; not a valid user; not a valid recipient;
        not a valid address; not a valid email; not a known user; not a user; not a local;
        not a mailbox; not a recognized; not our customer; not found in; not exist here;
        name not found; name is not recognized; not recognized; user not found;
        user was not found; user could not be found; user not known; user not exist*;
        user not local; user invalid; user doesnt exist; user does not exist;
        user ... not exist; user ... doesnt exist; user ... not found; user doesnt have;
        user lookup success but no user record found; doesnt have ... account;
        does not have ... account; doesnt have ... mailbox; does not have ... mailbox;
        username ... not found; recipient not found; recipient was not found;
        recipient ... not found; recipnotfound; recipientnotfound; recipient does not exist;
        recipient doesnt exist; recipient ... not exist; recipient ... doesnt exist;
        recipient is not exist; recipient ... invalid; recipient not valid;
        recipient no longer; recipient address rejected undeliverable; invalid recipient*;
        invalid user; invalid mailbox; invalid address; invalid email; invalid account;
        invalid local part; bad address; bad destination; bad recipient; bad user;
        illegal user; illegal alias; incorrect address; wrong email address; nonexistent user;
        nonexistent mailbox; nonexistent address; non existent user; non existent mailbox;
        non existent address; mailbox not found; mailbox ... not found; mailbox does not exist;
        mailbox doesnt exist; mailbox ... not exist; mailbox ... invalid;
        mailbox name not allowed; mailbox not valid; address not found; address ... not found;
        address does not exist; address doesnt exist; address ... not exist;
        address ... doesnt exist; address ... invalid; address invalid; address ... not valid;
        address couldnt be found; address ... couldnt be found; address ... could not be found;
        address lookup failed; undeliverable address; unrouteable address; unroutable address;
        unrouteable; account does not exist; account doesnt exist; account ... not exist;
        account ... doesnt exist; account not found; account is not available;
        account is unavailable; account ... unavailable; account ... invalid;
        account not available; account not known; that you tried to reach does not exist;
        does not exist; doesnt exist; do not exist; didnt exist; unable to find recipient;
        could not find ... user; cannot find ... user; cant find user; couldnt find user;
        cannot find recipient; not a deliverable; invalid final delivery userid;
        delivery to this address is not possible; not able to deliver to;
        can not be delivered to this address; not our mailbox; dd this user; ambiguous;
        no matches to nameserver query; recipients address rejected; relay ... user unknown;
        destinataire inconnu; destinataire invalide; destinataire ... inconnu;
        destinataire ... invalide; utilisateur inconnu; adresse inconnue;
        adresse d au moins un destinataire invalide; usuario desconocido; usuario inexistente;
        usuario no existe; destinatario no existe; destinatario sconosciuto;
        utente sconosciuto; usuario desconhecido; nieznany uzytkownik; adresse existiert nicht;
        adresse ... existiert nicht; adresse nicht gefunden; adresse ... nicht gefunden;
        adresse ist ungueltig; adresse ... ungueltig; adresse unbekannt; adresse ... unbekannt;
        ungueltige adresse; ungueltiger empfaenger; ungueltige empfaengeradresse;
        ungueltige e mail adresse; unbekannte adresse; unbekannte e mail adresse;
        unbekannte empfaengeradresse; unbekannter empfaenger; unbekannter benutzer;
        unbekanntes postfach; empfaengeradresse unbekannt; empfaengeradresse ungueltig;
        empfaengeradresse existiert; empfaenger unbekannt; empfaenger ... unbekannt;
        empfaenger existiert nicht; empfaenger ... existiert nicht; empfaenger nicht gefunden;
        empfaenger ... nicht gefunden; empfaengeradresse ... nicht; kein empfaenger;
        kein solcher benutzer; kein solches postfach; kein benutzer; kein postfach;
        keine mailbox; benutzer unbekannt; benutzer ... unbekannt; benutzer existiert nicht;
        benutzer ... existiert nicht; benutzer nicht gefunden; benutzer ... nicht gefunden;
        postfach existiert nicht; postfach ... existiert nicht; postfach nicht gefunden;
        postfach ... nicht gefunden; postfach unbekannt; existiert nicht; nicht gelistet;
        nicht im ... verzeichnis",
    ),
    // Cisco, of a recipient that is not in its list.
    Rule {
        reason: NoMailbox,
        only_with: Some((1, 0)),
        words: "address rejected",
    },
];

/// Words that say little: a code among them says more.
pub const WEAK_WORDS: &[Rule] = &[
    rule(
        NoMailbox,
        "mailbox unavailable; mailbox ... unavailable; mailbox not available;
        recipient unavailable; this user; user reject; not known",
    ),
    rule(
        Policy,
        "denied; not permitted; not allowed; prohibited; rejected; refused; not accepted;
        not authorized; abgelehnt; verweigert; gesperrt; blockiert; nicht zugelassen;
        nicht erlaubt",
    ),
    rule(
        System,
        "local error; insufficient system; system storage; internal error;
        internal server error; system error; system failure; server error;
        system not accepting; service unavailable; service not available; configuration error;
        misconfigur*; out of memory; resources temporarily unavailable; cannot create;
        cant create; unable to write; i o error; ldap; processing error; local configuration;
        mailer error; command ... failed; unexpected error; interner fehler; systemfehler;
        stoerung; try again later; try later; temporary failure; temporary error;
        temporary problem; spaeter erneut",
    ),
];

/// What systems that relay put around a reply whatever it says (Cisco).
pub const LABELS: &[&[&str]] = &[&["unknown", "address", "error"]];
