/** Every word the widget says, in each language it speaks. */

import type { PlaceWords } from "./place";

export interface Texts {
  open: string;
  openUnread: (n: number) => string;
  close: string;
  title: (company: string) => string;
  subtitleAi: string;
  subtitleHuman: (operator: string) => string;
  subtitleSupervised: (operator: string) => string;
  greeting: (company: string) => string;
  log: string;
  you: string;
  assistant: string;
  operator: string;
  placeholder: string;
  message: string;
  send: string;
  menu: string;
  person: string;
  /** What the wish for a person has come to. */
  wish: Record<"asked" | "waiting" | "away", string>;
  place: (n: number) => string;
  fresh: string;
  sources: string;
  source: string;
  openSource: string;
  /** Where in a document a source stands. */
  within: PlaceWords;
  writing: (who: string) => string;
  queued: string;
  queuedOffline: string;
  sending: string;
  sent: string;
  failed: string;
  tooLong: string;
  tooFast: string;
  retry: string;
  discard: string;
  turnFailed: string;
  askAgain: string;
  rate: string;
  rateAll: string;
  rateValue: (n: number) => string;
  rated: string;
  charsLeft: (n: number) => string;
  charsOver: (n: number) => string;
  connecting: string;
  waiting: string;
  offline: string;
  refused: string;
  tryNow: string;
  suggestions: string;
}

const FIRST_TEN = "first second third fourth fifth sixth seventh eighth ninth tenth".split(" ");
const PRIMEROS_DIEZ = (
  "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo"
).split(" ");

const en: Texts = {
  open: "Open chat",
  openUnread: (n) => `Open chat, ${n} new ${n === 1 ? "message" : "messages"}`,
  close: "Close chat",
  title: (company) => company || "Chat with us",
  subtitleAi: "Assistant · answers at once",
  subtitleHuman: (operator) => (operator ? `${operator} is here` : "A colleague is here"),
  subtitleSupervised: (operator) => `${operator || "A colleague"} checks the answers`,
  greeting: (company) =>
    company
      ? `Hello! I am the assistant of ${company}. What would you like to know?`
      : "Hello! What would you like to know?",
  log: "Conversation",
  you: "You",
  assistant: "Assistant",
  operator: "Colleague",
  placeholder: "Write a message…",
  message: "Your message",
  send: "Send",
  menu: "More options",
  person: "Talk to a person",
  wish: {
    asked: "Asking for a person…",
    waiting: "A person has been asked",
    away: "Asked · the team is away",
  },
  place: (n) => `You are ${FIRST_TEN[n - 1] ?? `number ${n}`} in the queue`,
  fresh: "Start a new conversation",
  sources: "Sources",
  source: "Source",
  openSource: "Open page",
  within: { page: (n) => `page ${n}`, slide: (n) => `slide ${n}`, row: (n) => `row ${n}` },
  writing: (who) => `${who} is writing…`,
  queued: "Waiting to be sent",
  queuedOffline: "Will be sent once you are connected",
  sending: "Sending…",
  sent: "Sent",
  failed: "Not sent.",
  tooLong: "Not sent: the message is too long.",
  tooFast: "Not sent: too many messages at once.",
  retry: "Retry",
  discard: "Remove",
  turnFailed: "Sorry, something went wrong and there is no answer to this.",
  askAgain: "Try again",
  rate: "How was this answer?",
  rateAll: "How was this conversation?",
  rateValue: (n) => `${n} of 5`,
  rated: "Thank you for your rating.",
  charsLeft: (n) => `${n} left`,
  charsOver: (n) => `${n} too many`,
  connecting: "Connecting…",
  waiting: "Connection lost. Trying again…",
  offline: "You are offline. Messages will be sent when you are back.",
  refused: "The chat is not available on this page.",
  tryNow: "Try now",
  suggestions: "Suggested questions",
};

const es: Texts = {
  open: "Abrir el chat",
  openUnread: (n) =>
    `Abrir el chat, ${n} ${n === 1 ? "mensaje nuevo" : "mensajes nuevos"}`,
  close: "Cerrar el chat",
  title: (company) => company || "Habla con nosotros",
  subtitleAi: "Asistente · responde al momento",
  subtitleHuman: (operator) =>
    operator ? `Te atiende ${operator}` : "Te atiende una persona del equipo",
  subtitleSupervised: (operator) => `${operator || "Una persona"} revisa las respuestas`,
  greeting: (company) =>
    company
      ? `¡Hola! Soy el asistente de ${company}. ¿Qué te gustaría saber?`
      : "¡Hola! ¿Qué te gustaría saber?",
  log: "Conversación",
  you: "Tú",
  assistant: "Asistente",
  operator: "Equipo",
  placeholder: "Escribe un mensaje…",
  message: "Tu mensaje",
  send: "Enviar",
  menu: "Más opciones",
  person: "Hablar con una persona",
  wish: {
    asked: "Avisando a una persona…",
    waiting: "Hemos avisado a una persona",
    away: "Avisado · el equipo no está",
  },
  place: (n) => `Eres el ${PRIMEROS_DIEZ[n - 1] ?? `número ${n}`} de la cola`,
  fresh: "Empezar otra conversación",
  sources: "Fuentes",
  source: "Fuente",
  openSource: "Abrir la página",
  within: {
    page: (n) => `página ${n}`,
    slide: (n) => `diapositiva ${n}`,
    row: (n) => `fila ${n}`,
  },
  writing: (who) => `${who} está escribiendo…`,
  queued: "Pendiente de envío",
  queuedOffline: "Se enviará cuando haya conexión",
  sending: "Enviando…",
  sent: "Enviado",
  failed: "No se ha enviado.",
  tooLong: "No se ha enviado: el mensaje es demasiado largo.",
  tooFast: "No se ha enviado: demasiados mensajes a la vez.",
  retry: "Reintentar",
  discard: "Quitar",
  turnFailed: "Lo sentimos, algo ha fallado y no hay respuesta a este mensaje.",
  askAgain: "Probar de nuevo",
  rate: "¿Qué te ha parecido la respuesta?",
  rateAll: "¿Qué te ha parecido la conversación?",
  rateValue: (n) => `${n} de 5`,
  rated: "Gracias por tu valoración.",
  charsLeft: (n) => `Quedan ${n}`,
  charsOver: (n) => `Sobran ${n}`,
  connecting: "Conectando…",
  waiting: "Sin conexión con el chat. Reintentando…",
  offline: "No tienes conexión. Los mensajes se enviarán cuando vuelva.",
  refused: "El chat no está disponible en esta página.",
  tryNow: "Probar ahora",
  suggestions: "Preguntas sugeridas",
};

const LANGUAGES: Record<string, Texts> = { en, es };

/** The texts for a locale such as `es-MX`, and the language they are in; English when unknown. */
export function textsFor(locale: string): { language: string; texts: Texts } {
  const language = locale.toLowerCase().split(/[-_]/)[0] ?? "";
  const texts = Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language] : undefined;
  return texts ? { language, texts } : { language: "en", texts: en };
}
