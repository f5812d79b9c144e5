//! The tables as diesel sees them: one schema for both databases.
//!
//! Written by hand, since the two databases name their types differently; the test
//! `tests/it/db/schema.rs` compares it with what the migrations really create.
#![allow(missing_docs, reason = "the migrations describe tables and columns")]

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    installation (key) {
        key -> Text,
        value -> Text,
    }
}

table! {
    backups (id) {
        id -> BigInt,
        name -> Text,
        made_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    accounts (id) {
        id -> BigInt,
        name -> Text,
        tracking_mode -> Text,
        tracking_changed_at -> Nullable<BigInt>,
        tracking_changed_by -> Nullable<Text>,
        tracking_mode_before -> Nullable<Text>,
        count_anonymously -> Bool,
        remember_objections -> Bool,
        recipient_count -> BigInt,
        soft_bounce_limit -> BigInt,
        audit_years -> BigInt,
        retention_months -> Nullable<BigInt>,
        retention_next_at -> Nullable<BigInt>,
        second_factor_required -> Bool,
        created_at -> BigInt,
    }
}

table! {
    users (id) {
        id -> BigInt,
        account_id -> BigInt,
        email -> Text,
        email_key -> Text,
        name -> Text,
        roles -> Integer,
        password_hash -> Text,
        second_factor_at -> Nullable<BigInt>,
        totp_secret -> Nullable<Binary>,
        totp_step -> BigInt,
        code_failures -> BigInt,
        codes_blocked_until -> BigInt,
        created_at -> BigInt,
    }
}

table! {
    recovery_codes (user_id, code_hash) {
        user_id -> BigInt,
        code_hash -> Binary,
        account_id -> BigInt,
    }
}

table! {
    sign_ins (id) {
        id -> BigInt,
        key_hash -> Nullable<Binary>,
        account_id -> BigInt,
        user_id -> BigInt,
        next -> Text,
        failures -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    invitations (id) {
        id -> BigInt,
        account_id -> BigInt,
        email -> Text,
        email_key -> Text,
        name -> Text,
        roles -> Integer,
        key_hash -> Binary,
        invited_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    password_resets (user_id) {
        user_id -> BigInt,
        account_id -> BigInt,
        key_hash -> Binary,
        times -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    sessions (id) {
        id -> BigInt,
        key_hash -> Nullable<Binary>,
        user_id -> BigInt,
        device -> Integer,
        created_at -> BigInt,
        used_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    api_keys (id) {
        id -> BigInt,
        account_id -> BigInt,
        name -> Text,
        beginning -> Text,
        key_hash -> Binary,
        scopes -> Integer,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    api_requests (key_id, idempotency_hash) {
        account_id -> BigInt,
        key_id -> BigInt,
        idempotency_hash -> Binary,
        request_hash -> Binary,
        created_id -> BigInt,
        created_at -> BigInt,
    }
}

table! {
    groups (id) {
        id -> BigInt,
        account_id -> BigInt,
        name -> Text,
        name_key -> Text,
        member_count -> BigInt,
        from_mailing_id -> Nullable<BigInt>,
        asks_consent -> Bool,
        created_at -> BigInt,
        changed_by -> Nullable<BigInt>,
        updated_at -> Nullable<BigInt>,
    }
}

table! {
    recipients (id) {
        id -> BigInt,
        account_id -> BigInt,
        address -> Text,
        address_key -> Text,
        search_text -> Text,
        first_name -> Text,
        last_name -> Text,
        fields -> Text,
        status -> Text,
        status_changed_at -> Nullable<BigInt>,
        status_source -> Nullable<Text>,
        soft_bounces -> BigInt,
        tracking -> Text,
        tracking_changed_at -> Nullable<BigInt>,
        tracking_source -> Nullable<Text>,
        refused_at -> Nullable<BigInt>,
        public_key -> Binary,
        created_at -> BigInt,
        updated_at -> BigInt,
        address_changed_at -> Nullable<BigInt>,
        changed_by -> Nullable<BigInt>,
    }
}

table! {
    memberships (account_id, group_id, recipient_id) {
        account_id -> BigInt,
        group_id -> BigInt,
        recipient_id -> BigInt,
        created_at -> BigInt,
        from_activity -> Bool,
    }
}

table! {
    group_leavings (recipient_id, group_id) {
        account_id -> BigInt,
        group_id -> BigInt,
        recipient_id -> BigInt,
        left_at -> BigInt,
    }
}

table! {
    objections (account_id, kind, address_hmac) {
        account_id -> BigInt,
        kind -> Text,
        address_hmac -> Binary,
        made_at -> BigInt,
        source -> Text,
    }
}

table! {
    journal_entries (id) {
        id -> BigInt,
        account_id -> BigInt,
        mark -> Binary,
        at -> BigInt,
        kind -> Nullable<Text>,
        recipient_id -> Nullable<BigInt>,
        person -> Nullable<Binary>,
        details -> Nullable<Text>,
    }
}

table! {
    mailings (id) {
        id -> BigInt,
        account_id -> BigInt,
        subject -> Text,
        sender_name -> Text,
        sender_address -> Text,
        mjml -> Text,
        html -> Text,
        text -> Text,
        status -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        scheduled_at -> Nullable<BigInt>,
        send_started_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        asks_consent -> Bool,
        problem -> Nullable<Text>,
        deliveries -> BigInt,
        handed -> BigInt,
        handed_personal -> BigInt,
        handed_anonymous -> BigInt,
        uncertain -> BigInt,
        failed -> BigInt,
        cancelled -> BigInt,
        bounces -> BigInt,
        soft_bounces -> BigInt,
        complaints -> BigInt,
        unsubscriptions -> BigInt,
        objections -> BigInt,
        changed_by -> Nullable<BigInt>,
        form_key -> Nullable<Text>,
    }
}

table! {
    mailing_groups (account_id, mailing_id, position) {
        account_id -> BigInt,
        mailing_id -> BigInt,
        position -> Integer,
        group_id -> Nullable<BigInt>,
        group_name -> Text,
    }
}

table! {
    mailing_links (mailing_id, number) {
        account_id -> BigInt,
        mailing_id -> BigInt,
        number -> BigInt,
        url -> Text,
    }
}

table! {
    deliveries (id) {
        id -> BigInt,
        account_id -> BigInt,
        mailing_id -> BigInt,
        recipient_id -> Nullable<BigInt>,
        pseudonym -> Nullable<Binary>,
        token_key -> Nullable<Binary>,
        policy -> Nullable<Text>,
        status -> Text,
        holder -> Nullable<BigInt>,
        lease_until -> Nullable<BigInt>,
        attempts -> BigInt,
        next_attempt_at -> Nullable<BigInt>,
        reply_code -> Nullable<Text>,
        handed_at -> Nullable<BigInt>,
        bounce -> Nullable<Text>,
        bounced_at -> Nullable<BigInt>,
        first_open_at -> Nullable<BigInt>,
        last_open_at -> Nullable<BigInt>,
        opens -> BigInt,
        first_click_at -> Nullable<BigInt>,
        last_click_at -> Nullable<BigInt>,
        clicks -> BigInt,
    }
}

table! {
    events (delivery_id, kind, link, hour, device, automatic) {
        account_id -> BigInt,
        delivery_id -> BigInt,
        kind -> Integer,
        link -> BigInt,
        hour -> BigInt,
        device -> Integer,
        automatic -> Bool,
        n -> BigInt,
    }
}

table! {
    mailing_hours (mailing_id, kind, link, hour) {
        account_id -> BigInt,
        mailing_id -> BigInt,
        kind -> Integer,
        link -> BigInt,
        hour -> BigInt,
        personal -> BigInt,
        firsts -> BigInt,
        anonymous -> BigInt,
        automatic -> BigInt,
        account_off -> BigInt,
    }
}

table! {
    mailing_devices (mailing_id, kind, device) {
        account_id -> BigInt,
        mailing_id -> BigInt,
        kind -> Integer,
        device -> Integer,
        n -> BigInt,
    }
}

table! {
    signup_forms (id) {
        id -> BigInt,
        account_id -> BigInt,
        group_id -> BigInt,
        public_key -> Binary,
        name -> Text,
        title -> Text,
        intro -> Text,
        sender_name -> Text,
        sender_address -> Text,
        consent_wording -> Text,
        tracking_wording -> Text,
        valid_hours -> BigInt,
        active -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        changed_by -> Nullable<BigInt>,
    }
}

table! {
    signups (id) {
        id -> BigInt,
        account_id -> BigInt,
        form_id -> BigInt,
        address -> Text,
        address_key -> Text,
        first_name -> Text,
        last_name -> Text,
        key_hash -> Binary,
        tracking_agreed -> Bool,
        consent_wording -> Text,
        tracking_wording -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        mail_due_at -> Nullable<BigInt>,
        attempts -> BigInt,
        mails -> BigInt,
    }
}

table! {
    consents (id) {
        id -> BigInt,
        account_id -> BigInt,
        recipient_id -> BigInt,
        kind -> Text,
        agreed -> Bool,
        wording -> Text,
        form_name -> Text,
        asked_at -> BigInt,
        given_at -> BigInt,
    }
}

table! {
    deletion_requests (account_id, recipient_id) {
        account_id -> BigInt,
        recipient_id -> BigInt,
        requested_at -> BigInt,
    }
}

table! {
    pictures (id) {
        id -> BigInt,
        account_id -> BigInt,
        public_key -> Binary,
        file_name -> Text,
        media_type -> Text,
        width -> BigInt,
        height -> BigInt,
        size -> BigInt,
        content -> Binary,
        created_at -> BigInt,
    }
}

table! {
    smtp_settings (account_id) {
        account_id -> BigInt,
        active -> Bool,
        host -> Text,
        port -> BigInt,
        encryption -> Text,
        username -> Text,
        password -> Nullable<Binary>,
        connections -> BigInt,
        per_minute -> BigInt,
        paced_until -> BigInt,
        return_path -> Text,
        updated_at -> BigInt,
    }
}

table! {
    dkim_keys (id) {
        id -> BigInt,
        account_id -> BigInt,
        domain -> Text,
        algorithm -> Text,
        selector -> Text,
        private_key -> Binary,
        public_key -> Text,
        active -> Bool,
        created_at -> BigInt,
    }
}

table! {
    bounce_reasons (recipient_id, mailing_id) {
        account_id -> BigInt,
        recipient_id -> BigInt,
        mailing_id -> BigInt,
        reason -> Text,
        refused_at -> BigInt,
    }
}

table! {
    bounce_mailboxes (account_id) {
        account_id -> BigInt,
        active -> Bool,
        host -> Text,
        port -> BigInt,
        encryption -> Text,
        username -> Text,
        password -> Nullable<Binary>,
        folder -> Text,
        uid_validity -> Nullable<BigInt>,
        last_uid -> Nullable<BigInt>,
        to_remove -> Text,
        lease_until -> Nullable<BigInt>,
        assigned -> BigInt,
        unassigned -> BigInt,
        others -> BigInt,
        checked_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        updated_at -> BigInt,
    }
}

table! {
    webhooks (id) {
        id -> BigInt,
        account_id -> BigInt,
        url -> Text,
        events -> Integer,
        secret -> Binary,
        active -> Bool,
        failing_since -> Nullable<BigInt>,
        given_up_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

table! {
    webhook_deliveries (id) {
        id -> BigInt,
        account_id -> BigInt,
        webhook_id -> BigInt,
        event -> Text,
        recipient_id -> Nullable<BigInt>,
        source -> Text,
        status -> Text,
        attempts -> BigInt,
        next_attempt_at -> BigInt,
        attempted_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        created_at -> BigInt,
    }
}

table! {
    outbox_mails (id) {
        id -> BigInt,
        account_id -> BigInt,
        mailing_id -> Nullable<BigInt>,
        recipient_id -> Nullable<BigInt>,
        signup_id -> Nullable<BigInt>,
        file -> Text,
        created_at -> BigInt,
    }
}

table! {
    imports (id) {
        id -> BigInt,
        account_id -> BigInt,
        user_id -> Nullable<BigInt>,
        group_id -> Nullable<BigInt>,
        file_name -> Text,
        size -> BigInt,
        settings -> Text,
        status -> Text,
        problem -> Nullable<Text>,
        bytes_read -> BigInt,
        rows_read -> BigInt,
        added -> BigInt,
        updated -> BigInt,
        unchanged -> BigInt,
        refused -> BigInt,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        unsubscribed -> BigInt,
        undeliverable -> BigInt,
        kept_out -> BigInt,
        not_rejoined -> BigInt,
    }
}

table! {
    import_refusals (import_id, line) {
        account_id -> BigInt,
        import_id -> BigInt,
        line -> BigInt,
        value -> Text,
        reason -> Text,
        cells -> Text,
    }
}

table! {
    receipts (id) {
        id -> BigInt,
        account_id -> BigInt,
        kind -> Text,
        actor -> Text,
        recipients -> BigInt,
        signups -> BigInt,
        refusals -> BigInt,
        groups_left -> BigInt,
        deliveries -> BigInt,
        opens -> BigInt,
        clicks -> BigInt,
        figures -> Text,
        cleanup -> Text,
        cleaned_at -> Nullable<BigInt>,
        node -> Nullable<Text>,
        created_at -> BigInt,
    }
}

table! {
    jobs (id) {
        id -> BigInt,
        account_id -> BigInt,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        receipt_id -> Nullable<BigInt>,
        group_id -> Nullable<BigInt>,
        until -> Nullable<BigInt>,
        status -> Text,
        total -> BigInt,
        done -> BigInt,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

table! {
    job_queue (id) {
        id -> BigInt,
        account_id -> BigInt,
        kind -> Text,
        subject_id -> BigInt,
        node -> Text,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        last_failure -> Nullable<Text>,
        due_at -> BigInt,
        leased_until -> BigInt,
        queued_at -> BigInt,
    }
}

table! {
    job_items (job_id, recipient_id) {
        account_id -> BigInt,
        job_id -> BigInt,
        recipient_id -> BigInt,
    }
}

table! {
    job_signups (job_id, signup_id) {
        account_id -> BigInt,
        job_id -> BigInt,
        signup_id -> BigInt,
    }
}

table! {
    job_refusals (job_id, import_id, line) {
        account_id -> BigInt,
        job_id -> BigInt,
        import_id -> BigInt,
        line -> BigInt,
    }
}

table! {
    audit_log (id) {
        id -> BigInt,
        account_id -> BigInt,
        at -> BigInt,
        actor -> Text,
        user_id -> Nullable<BigInt>,
        action -> Text,
        recipient_id -> Nullable<BigInt>,
        details -> Text,
    }
}

joinable!(users -> accounts (account_id));
joinable!(recovery_codes -> users (user_id));
joinable!(sign_ins -> users (user_id));
joinable!(invitations -> accounts (account_id));
joinable!(password_resets -> users (user_id));
joinable!(sessions -> users (user_id));
joinable!(api_keys -> accounts (account_id));
joinable!(api_requests -> accounts (account_id));
joinable!(api_requests -> api_keys (key_id));
joinable!(groups -> accounts (account_id));
joinable!(recipients -> accounts (account_id));
joinable!(memberships -> accounts (account_id));
joinable!(memberships -> groups (group_id));
joinable!(memberships -> recipients (recipient_id));
joinable!(job_queue -> accounts (account_id));
joinable!(group_leavings -> accounts (account_id));
joinable!(group_leavings -> groups (group_id));
joinable!(group_leavings -> recipients (recipient_id));
joinable!(objections -> accounts (account_id));
joinable!(mailings -> accounts (account_id));
joinable!(mailing_groups -> accounts (account_id));
joinable!(mailing_groups -> mailings (mailing_id));
joinable!(mailing_groups -> groups (group_id));
joinable!(mailing_links -> accounts (account_id));
joinable!(mailing_links -> mailings (mailing_id));
joinable!(deliveries -> accounts (account_id));
joinable!(deliveries -> mailings (mailing_id));
joinable!(deliveries -> recipients (recipient_id));
joinable!(events -> deliveries (delivery_id));
joinable!(mailing_hours -> accounts (account_id));
joinable!(mailing_hours -> mailings (mailing_id));
joinable!(mailing_devices -> accounts (account_id));
joinable!(mailing_devices -> mailings (mailing_id));
joinable!(outbox_mails -> accounts (account_id));
joinable!(outbox_mails -> mailings (mailing_id));
joinable!(outbox_mails -> recipients (recipient_id));
joinable!(signup_forms -> accounts (account_id));
joinable!(signup_forms -> groups (group_id));
joinable!(signups -> accounts (account_id));
joinable!(signups -> signup_forms (form_id));
joinable!(consents -> accounts (account_id));
joinable!(consents -> recipients (recipient_id));
joinable!(deletion_requests -> accounts (account_id));
joinable!(deletion_requests -> recipients (recipient_id));
joinable!(pictures -> accounts (account_id));
joinable!(smtp_settings -> accounts (account_id));
joinable!(dkim_keys -> accounts (account_id));
joinable!(bounce_mailboxes -> accounts (account_id));
joinable!(bounce_reasons -> accounts (account_id));
joinable!(bounce_reasons -> recipients (recipient_id));
joinable!(bounce_reasons -> mailings (mailing_id));
joinable!(webhooks -> accounts (account_id));
joinable!(webhook_deliveries -> accounts (account_id));
joinable!(webhook_deliveries -> webhooks (webhook_id));
joinable!(outbox_mails -> signups (signup_id));
joinable!(imports -> accounts (account_id));
joinable!(imports -> users (user_id));
joinable!(imports -> groups (group_id));
joinable!(import_refusals -> accounts (account_id));
joinable!(import_refusals -> imports (import_id));
joinable!(receipts -> accounts (account_id));
joinable!(jobs -> accounts (account_id));
joinable!(jobs -> users (user_id));
joinable!(jobs -> receipts (receipt_id));
joinable!(jobs -> groups (group_id));
joinable!(job_items -> accounts (account_id));
joinable!(job_items -> jobs (job_id));
joinable!(job_signups -> accounts (account_id));
joinable!(job_signups -> jobs (job_id));
joinable!(job_refusals -> accounts (account_id));
joinable!(job_refusals -> jobs (job_id));
joinable!(audit_log -> accounts (account_id));

allow_tables_to_appear_in_same_query!(
    installation,
    backups,
    accounts,
    users,
    recovery_codes,
    sign_ins,
    invitations,
    password_resets,
    sessions,
    api_keys,
    api_requests,
    groups,
    recipients,
    memberships,
    group_leavings,
    objections,
    journal_entries,
    mailings,
    mailing_groups,
    mailing_links,
    deliveries,
    events,
    mailing_hours,
    mailing_devices,
    signup_forms,
    signups,
    consents,
    deletion_requests,
    pictures,
    smtp_settings,
    dkim_keys,
    bounce_mailboxes,
    bounce_reasons,
    webhooks,
    webhook_deliveries,
    outbox_mails,
    imports,
    import_refusals,
    receipts,
    jobs,
    job_items,
    job_signups,
    job_refusals,
    audit_log,
);
