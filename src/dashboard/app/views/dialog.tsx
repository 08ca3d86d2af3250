import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A modal dialog of the browser's own: it keeps the focus, and gives it back. */
export function Dialog(props: { title: string; onClose(): void; children: ComponentChildren }) {
  const { title, onClose, children } = props;
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const isPressedOutside = useRef(false);
  // Neither the end of a selection that began inside, nor the second half of the click that has opened it.
  const closeOutside = ({ target, detail }: MouseEvent) => {
    if (target === element.current && isPressedOutside.current && detail < 2) onClose();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, which the browser does itself
    <dialog
      ref={element}
      aria-labelledby="dialog-title"
      onCancel={onClose}
      onPointerDown={({ target }) => {
        isPressedOutside.current = target === element.current;
      }}
      onClick={closeOutside}
    >
      <div class="sheet">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
